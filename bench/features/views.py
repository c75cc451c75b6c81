"""How each feature network sees images: what is done to one image, then to a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class View:
    """A feature network on a device, and what is done to images before it."""

    model: Callable[[Tensor], Tensor]
    """Images as it takes them `[B, 3, H, W]`, on its device, to features `[B, d]`."""
    prepare: Callable[[NDArray[np.uint8]], NDArray[Any]]
    """What is done to one decoded image `[H, W, 3]`, in any thread."""
    batches: Callable[[Sequence[NDArray[Any]]], Iterable[Tensor]]
    """Prepared images to what the network takes, in order, on its device."""
    device: torch.device

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Return the features float32 `[B, d]` on the CPU of decoded images of any sizes."""
        return self.embedded([self.prepare(image) for image in images])

    def embedded(self, prepared: Sequence[NDArray[Any]]) -> Tensor:
        """Return the features float32 `[B, d]` on the CPU of prepared images."""
        import torch

        from bench.training.numerics import precision

        with torch.no_grad(), precision("fp32", self.device):
            features = [self.model(batch).float().cpu() for batch in self.batches(prepared)]
        return torch.cat(features)


def of_classifier(model: nn.Module, side: int, device: torch.device) -> View:
    """Return the view of a network of `bench.features`, the same as that of its `Embeddings`.

    The shorter side is resized to `side` and the centre cropped; its features are what the last
    linear layer reads.
    """
    import numpy as np
    import torch

    from bench.augment.colour import normalised
    from bench.backbones import embed
    from bench.data.prefix import Prefix

    prefix = Prefix(side, side)

    def batches(prepared: Sequence[NDArray[Any]]) -> list[Tensor]:
        pixels = np.stack(prepared).transpose(0, 3, 1, 2)
        return [normalised(torch.from_numpy(np.ascontiguousarray(pixels)).to(device))]

    return View(lambda images: embed(model, images), prefix.apply, batches, device)


def of_inception(model: nn.Module, device: torch.device) -> View:
    """Return the view of pytorch-fid: stretched to 299 pixels on the device, batch by batch."""
    from bench.features.inception import seen

    return View(model, _untouched, lambda images: [seen(images, device)], device)


def of_torchscript(path: Path, device: torch.device, resize_inside: bool) -> View:
    """Return clean-fid's view of a checked TorchScript file.

    With `resize_inside` it is "legacy_tensorflow", whose images stay as they are until they are in
    the network; else "clean".
    """
    from bench.features.clean import opened, resizer
    from bench.features.inception import of_one_size

    prepare = _untouched if resize_inside else resizer()
    return View(
        opened(path, resize_inside, device),
        prepare,
        lambda images: of_one_size(images, device),
        device,
    )


def _untouched(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image
