"""Compiled forward and backward passes: equal results up to rounding, in less time.

Torch keys what it has compiled by the code of a network and by shapes, not by the network, so all
students of one shape share it within a process; on disk its own cache keeps it for the next one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.training.recipe import Recipe, settled

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Wish = Literal["auto", "always", "never"]

PAYS_FROM = 120.0
"""Typical seconds of eager training from which "auto" compiles: that costs 8 to 40 s, once."""
CPU_RATE, GPU_RATE = 4e10, 1e13
"""Typical FLOP per second of eager training: of one CPU thread, and of a GPU."""
GPU_UPDATE = 0.005
"""Least seconds of an eager update on a GPU, whose kernels are launched one at a time."""
SHAPES = 128
"""How many shapes of batches one network's code may be compiled for in a process."""


def _silent(sentence: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Compiling:
    """Whether a training's passes are compiled."""

    wish: Wish = "never"
    alike: int = 1
    """Trainings of the same shape in the plan, this one included: they share what is compiled."""
    note: Callable[[str], None] = _silent
    """Hears why a network that was to be compiled is not."""

    def wanted(
        self,
        model: nn.Module,
        recipe: Recipe,
        num_images: int,
        device: torch.device,
        extra: int = 0,
    ) -> bool:
        """Say whether to compile; the same for the same plan, machine and number of threads.

        "auto" compiles where the trainings alike would take more than `PAYS_FROM` seconds without,
        by the arithmetic of the network, `extra` FLOP an image and typical rates: a clock would
        decide otherwise from one run to the next.
        """
        if self.wish != "auto":
            return self.wish == "always"
        seconds = typical_seconds(model, recipe, num_images, device, extra)
        return self.alike * seconds >= PAYS_FROM


def typical_seconds(
    model: nn.Module, recipe: Recipe, num_images: int, device: torch.device, extra: int = 0
) -> float:
    """Return the seconds that the updates of a training typically take without compiling.

    `extra` is the FLOP per image beside those of the student, such as a teacher's.
    """
    import torch

    side, epochs = settled(recipe.resolution, "resolution"), settled(recipe.epochs, "epochs")
    updates = epochs * math.ceil(num_images / settled(recipe.batch, "batch"))
    flops = epochs * num_images * (step_flops(model, 2, side) / 2 + extra)
    if device.type == "cuda":
        return max(updates * GPU_UPDATE, flops / GPU_RATE)
    return flops / (CPU_RATE * torch.get_num_threads())


def step_flops(model: nn.Module, batch: int, resolution: int) -> int:
    """Return the FLOP of one forward and backward pass, a multiplication and an addition as 2.

    Convolutions and matrix products are counted, norms and the rest are not. Nothing is computed:
    the network is copied to the meta device.
    """
    return _counted(copy.deepcopy(model).train(), batch, resolution, learning=True)


def forward_flops(model: nn.Module, resolution: int) -> int:
    """Return the FLOP of one image's pass through a network that is only asked, as above."""
    return _counted(copy.deepcopy(model).eval(), 1, resolution, learning=False)


def _counted(network: nn.Module, batch: int, resolution: int, learning: bool) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shadow = network.to("meta")
    images = torch.empty(batch, 3, resolution, resolution, device="meta")
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(learning):
        answers = shadow(images)
        if learning:
            answers.sum().backward()
    return int(counter.get_total_flops())


class CompiledNetwork:
    """A network whose passes are compiled at the first batch of every shape.

    Where torch cannot compile it, mostly for want of a C++ compiler or of Triton, the network goes
    on as it is.
    """

    def __init__(
        self,
        network: nn.Module,
        note: Callable[[str], None] = _silent,
        what: str = "Training",
    ) -> None:
        """Take a network on its device; its parameters stay where they are.

        `what` goes on uncompiled where torch cannot compile, which `note` hears.
        """
        import torch

        _allow_many_shapes()
        self._network, self._note, self._what = network, note, what
        # Dropout draws from torch's generators, which every epoch seeds, though not in every
        # version of torch the numbers that it draws uncompiled.
        options: dict[str, str | int | bool | Callable[..., object]] = {"fallback_random": True}
        self._run: Callable[[Tensor], Tensor] = torch.compile(
            network, dynamic=False, options=options
        )

    @property
    def compiled(self) -> bool:
        """Say whether the network is compiled, as far as it has been used."""
        return self._run is not self._network

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits `[B, C]`, as the network itself would."""
        from torch._dynamo.exc import TorchDynamoException

        try:
            return self._run(images)
        except TorchDynamoException as error:
            reason = str(error).strip().split("\n")[0].rstrip(".:")
            self._note(f"{self._what} goes on uncompiled, as torch cannot compile here: {reason}.")
            self._run = self._network
        return self._network(images)  # type: ignore[no-any-return]


def _allow_many_shapes() -> None:
    """Raise, for the process, torch's limit of shapes, beyond which it silently compiles none."""
    import torch._dynamo as dynamo

    limits = dynamo.config
    limits.recompile_limit = max(SHAPES, limits.recompile_limit)
    limits.accumulated_recompile_limit = max(16 * SHAPES, limits.accumulated_recompile_limit)
