"""The precision of products, set for a while and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from bench.training.recipe import Numerics


@contextmanager
def precision(numerics: Numerics, device: torch.device) -> Iterator[None]:
    """Use TF32 products on a CUDA device for "tf32" and float32 products otherwise.

    A CPU always gets float32 products: torch would pass the wish for TF32 on to oneDNN.
    """
    tf32 = numerics == "tf32" and device.type == "cuda"
    matmul, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = cudnn


def autocast(numerics: Numerics, device: torch.device) -> torch.autocast:
    """Return the autocast context of a forward pass: bfloat16 for "bf16", off otherwise."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=numerics == "bf16")


def computing(numerics: Numerics, device: torch.device) -> ExitStack:
    """Return the context in which the networks of a generator are called: both of the above."""
    stack = ExitStack()
    stack.enter_context(precision(numerics, device))
    stack.enter_context(autocast(numerics, device))
    return stack
