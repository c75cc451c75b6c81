"""The ceiling of a training loop: forward, backward and update on fixed tensors, and nothing else.

Beside it what the device can do at all: the rate of one large matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.training.loss import make_optimizer
from bench.training.numerics import autocast, precision
from bench.training.recipe import Numerics, Recipe, settled
from benchmarks.clock import seconds_per_call

MATMUL_SIDE = {"cuda": 8192, "cpu": 1024}
"""Rows and columns of the measured product: large enough to keep the device busy."""


class BareStep:
    """One update of a network, again and again on the same noise.

    Normalised float32 images and labels of one full batch lie on the device from the start.
    """

    def __init__(
        self, model: nn.Module, recipe: Recipe, device: torch.device, *, compiled: bool = False
    ) -> None:
        """Prepare to train `model` in place by a resolved recipe; compiling waits for a call."""
        self.device, self.numerics = device, recipe.numerics
        self.model = model.to(device).train()
        self.forward = torch.compile(self.model, dynamic=False) if compiled else self.model
        self.optimizer = make_optimizer(self.model, recipe)
        self.batch = settled(recipe.batch, "batch")
        side = settled(recipe.resolution, "resolution")
        generator = torch.Generator().manual_seed(0)
        self._images = torch.randn(self.batch, 3, side, side, generator=generator).to(device)
        self._labels = torch.zeros(self.batch, dtype=torch.int64, device=device)

    def __call__(self, size: int | None = None) -> Tensor:
        """Learn the first `size` images (all for None); return the loss, on the device."""
        with precision(self.numerics, self.device):
            with autocast(self.numerics, self.device):
                logits = self.forward(self._images[:size])
            loss = functional.cross_entropy(logits.float(), self._labels[:size])
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return loss.detach()

    def epoch(self, num_images: int) -> None:
        """Learn as many batches as an epoch of `num_images` has, the last one as short as there."""
        for start in range(0, num_images, self.batch):
            self(min(self.batch, num_images - start))


class NotCompiled(RuntimeError):
    """Torch could not compile a step here, for the reason it gives; the eager one remains."""


def compiled_step(model: nn.Module, recipe: Recipe, device: torch.device) -> BareStep:
    """Return a compiled step that has run once, after seconds to minutes of compiling.

    Raises NotCompiled where torch cannot, mostly for want of a C++ compiler or of Triton.
    """
    step = BareStep(model, recipe, device, compiled=True)
    try:
        step()
    except torch._dynamo.exc.TorchDynamoException as error:
        torch.compiler.reset()
        raise NotCompiled(str(error).strip().split("\n")[0]) from error
    return step


def matmul_rate(numerics: Numerics, device: torch.device, *, budget: float = 1.0) -> float:
    """Return the FLOP per second of a large square product, a multiplication and an addition as 2.

    "bf16" multiplies bfloat16 matrices, the others float32 ones.
    """
    side = MATMUL_SIDE.get(device.type, 1024)
    dtype = torch.bfloat16 if numerics == "bf16" else torch.float32
    left, right = torch.randn(2, side, side, device=device).to(dtype)
    with precision(numerics, device):
        seconds = seconds_per_call(lambda: left @ right, device, budget=budget)
    return 2.0 * side**3 / seconds
