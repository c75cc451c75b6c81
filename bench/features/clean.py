"""The Inception of clean-fid: NVIDIA's TorchScript file, and two ways of resizing for it.

Source: GaParmar/clean-fid, cleanfid/{inception_torchscript,resize,fid}.py (0.1.35). "clean" resizes
with Pillow's antialiased bicubic filter and keeps the fractions; "legacy_tensorflow" hands the
images to the network as they are, which resizes them inside. What clean-fid calls "legacy_pytorch"
is `bench.features.inception`.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.features.inception import SIDE

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn


def opened(path: Path, resize_inside: bool, device: torch.device) -> nn.Module:
    """Return clean-fid's network of a TorchScript file that has been checked.

    It takes `[B, 3, 299, 299]` in [0, 255], or with `resize_inside` images of one size, whatever
    that is, and returns `[B, 2048]`. Such a file is code: open none but by its hash. BenchError if
    torch cannot open it. Whether the published file was saved on a CPU is UNVERIFIED.
    """
    from cleanfid.inception_torchscript import InceptionV3W

    with warnings.catch_warnings(), _in_words(path):
        warnings.filterwarnings("ignore", r"`?torch\.jit", FutureWarning)
        warnings.filterwarnings("ignore", r"`?torch\.jit", DeprecationWarning)
        network: Any = InceptionV3W(str(path.parent), download=False, resize_inside=resize_inside)
    whole: nn.Module = network.to(device).eval().requires_grad_(False)
    return whole


def resizer() -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return clean-fid's resizing of an image `[H, W, 3]` to 299 x 299, in [0, 255]."""
    from cleanfid.resize import make_resizer

    resize: Callable[[NDArray[np.uint8]], NDArray[np.float32]] = make_resizer(
        "PIL", False, "bicubic", (SIDE, SIDE)
    )
    return resize


@contextlib.contextmanager
def _in_words(path: Path) -> Any:
    try:
        yield
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[-1].rstrip(".:")
        raise BenchError(
            f"torch cannot open the network in {path} ({reason}): update torch, or where it "
            "speaks of CUDA, use a machine that has it."
        ) from error
