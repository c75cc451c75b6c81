"""The Inception network of pytorch-fid, assembled from its blocks, and how it sees images.

Source: mseitzer/pytorch-fid, src/pytorch_fid/inception.py (0.3.0). Its own constructor fetches the
weights and unpickles them without a guard, which is why it is not called; the tests hold this
assembly against it bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.errors import BenchError
from bench.features import weights
from bench.teachers.files import misfit, read_header

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from bench.context import Context
    from bench.contracts import Artefact

SIDE = 299
"""Pixels per side of what Inception takes."""
KEPT = "weights.safetensors"
"""The file of `InceptionWeights`."""


@dataclass(frozen=True)
class InceptionWeights:
    """The Inception network of pytorch-fid: its published pickle, kept as safetensors."""

    revision: ClassVar[int] = 1
    words: ClassVar[str] = "the Inception weights of pytorch-fid"

    sha256: str
    """Of the published file."""

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return nothing."""
        return ()

    def build(self, ctx: Context, out: Path) -> None:
        """Write `KEPT`; another process reads the pickle, and tensors alone.

        BenchError if the file cannot be had or does not hold the tensors of the network.
        """
        from bench.teachers.importing import unpickled

        source = weights.provided(weights.INCEPTION_PTH, ctx.note)
        safe = unpickled(source, out / KEPT, "")
        needed = {name: tuple(value.shape) for name, value in assembled().state_dict().items()}
        if reason := misfit(needed, read_header(safe).shapes):
            raise BenchError(
                f"{source} does not hold the network of pytorch-fid ({reason}): another version "
                "of torchvision may build it otherwise."
            )

    def load(self, path: Path, device: torch.device) -> nn.Module:
        """Return the network in evaluation mode on a device; its parameters take no gradient."""
        from safetensors.torch import load_file

        return stages(assembled(load_file(path / KEPT))).to(device)


def assembled(state: Mapping[str, Tensor] | None = None) -> nn.Module:
    """Return the network with the weights `state`; RuntimeError if they are not all of its own.

    Without `state` the weights are drawn; torch's global random state is left as it was.
    """
    import torch
    from pytorch_fid import inception as blocks
    from torchvision.models import inception_v3

    with torch.random.fork_rng(devices=[]):
        network: Any = inception_v3(
            num_classes=1008, aux_logits=False, weights=None, init_weights=False
        )
        network.Mixed_5b = blocks.FIDInceptionA(192, pool_features=32)
        network.Mixed_5c = blocks.FIDInceptionA(256, pool_features=64)
        network.Mixed_5d = blocks.FIDInceptionA(288, pool_features=64)
        network.Mixed_6b = blocks.FIDInceptionC(768, channels_7x7=128)
        network.Mixed_6c = blocks.FIDInceptionC(768, channels_7x7=160)
        network.Mixed_6d = blocks.FIDInceptionC(768, channels_7x7=160)
        network.Mixed_6e = blocks.FIDInceptionC(768, channels_7x7=192)
        network.Mixed_7b = blocks.FIDInceptionE_1(1280)
        network.Mixed_7c = blocks.FIDInceptionE_2(2048)
    if state is not None:
        network.load_state_dict(state)
    frozen: nn.Module = network.eval().requires_grad_(False)
    return frozen


def stages(network: Any) -> nn.Module:
    """Return the network up to its last pooling: images `[B, 3, 299, 299]` to `[B, 2048]`.

    Images are in [-1, 1]; memory is laid out by pixels, which convolutions on a CPU prefer.
    """
    import torch
    from torch import nn

    whole = nn.Sequential(
        network.Conv2d_1a_3x3,
        network.Conv2d_2a_3x3,
        network.Conv2d_2b_3x3,
        nn.MaxPool2d(kernel_size=3, stride=2),
        network.Conv2d_3b_1x1,
        network.Conv2d_4a_3x3,
        nn.MaxPool2d(kernel_size=3, stride=2),
        network.Mixed_5b,
        network.Mixed_5c,
        network.Mixed_5d,
        network.Mixed_6a,
        network.Mixed_6b,
        network.Mixed_6c,
        network.Mixed_6d,
        network.Mixed_6e,
        network.Mixed_7a,
        network.Mixed_7b,
        network.Mixed_7c,
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )
    return whole.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def seen(images: Sequence[NDArray[np.uint8]], device: torch.device) -> Tensor:
    """Return decoded images `[H, W, 3]` as the network takes them, `[B, 3, 299, 299]` in [-1, 1].

    They are stretched, bilinear and without antialiasing, as pytorch-fid's own network does it.
    """
    import torch
    from torch.nn.functional import interpolate

    resized = [
        interpolate(batch / 255, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        for batch in of_one_size(images, device)
    ]
    return 2 * torch.cat(resized) - 1


def of_one_size(images: Sequence[NDArray[Any]], device: torch.device) -> Iterator[Tensor]:
    """Yield float32 `[b, 3, H, W]` of the same range for every run of images of one size."""
    import numpy as np
    import torch

    for _, run in groupby(images, key=lambda image: image.shape):
        pixels = torch.from_numpy(np.stack(list(run))).to(device)
        yield pixels.permute(0, 3, 1, 2).to(torch.float32)
