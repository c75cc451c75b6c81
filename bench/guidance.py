"""What guided methods share: windows, strengths for other latents, published rows, mode guidance.

Importing it loads no library.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

from bench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from bench.preparation.modes import ModesOfClasses
    from bench.sampling.hook import Job, Step
    from bench.sets import DatasetCard

T = TypeVar("T")

Row = Literal["imagenette", "imagewoof", "imagenet100", "imagenet1k"]

FULL = 4 * 32 * 32
"""Numbers in a latent of DiT-XL/2 at 256 pixels, for which strengths were published."""

_ROUNDING = 1e-9
"""`Level.u` and the fields are quotients, which may be rounded differently."""

_ROWS: dict[str, Row] = {
    "imagenette": "imagenette",
    "shapenette": "imagenette",
    "imagewoof": "imagewoof",
    "shapewoof": "imagewoof",
    "imagenet100": "imagenet100",
    "imageidc": "imagenet100",
    "imagenet1k": "imagenet1k",
}


def above(u: float, stop: float) -> bool:
    """Say whether fraction `u` of the schedule comes before `stop`: the step there is left alone.

    With 50 steps and `stop` = 25/49, these are the steps 49 to 26.
    """
    return u > stop + _ROUNDING


def within(u: float, low: float, high: float) -> bool:
    """Say whether fraction `u` of the schedule lies between two others, both included."""
    return low - _ROUNDING <= u <= high + _ROUNDING


def per_element(strength: float, latent_shape: tuple[int, int, int], power: float) -> float:
    """Return a published strength for a latent of another size: `strength * (D / FULL) ** power`.

    A term whose norm over the whole latent is fixed by its formula moves each of D numbers the
    more the fewer there are. The power is the one that keeps the displacement of one number: 1/2
    for a fixed norm, 1 for a norm that falls with the root of D, 0 for what every number has by
    itself.
    """
    return strength * math.pow(math.prod(latent_shape) / FULL, power)


def published_row(card: DatasetCard) -> Row | None:
    """Return the row of published tables that is meant for a real set, by its name; else None.

    The procedural sets borrow the rows of the sets they are named after.
    """
    return next((row for begin, row in _ROWS.items() if card.name.startswith(begin)), None)


def check_not_negative(**strengths: float | None) -> None:
    """Raise ValueError, naming the field, for a strength below 0; 0 is off, None not yet known."""
    for name, value in strengths.items():
        if value is not None and value < 0:
            raise ValueError(f"`{name}` must be at least 0 (0 is off), got {value}.")


def check_fraction(**fractions: float) -> None:
    """Raise ValueError, naming the field, for a fraction outside [0, 1]."""
    for name, value in fractions.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"`{name}` must lie between 0 and 1, got {value}.")


def check_choice(value: str, kind: Any, name: str) -> None:
    """Raise ValueError, naming the field, for a value that is none of a Literal type."""
    if value not in get_args(kind):
        options = ", ".join(repr(option) for option in get_args(kind))
        raise ValueError(f"`{name}` must be one of {options}, got {value!r}.")


def check_class_sizes(
    card: DatasetCard,
    least: int,
    why: str,
    way_out: str = "ask for an IPC of at most {size}",
) -> None:
    """Raise UsageError if a class has fewer than `least` training images.

    `why` begins the sentence ("'mgd3' gives each image a mode of its own and"), `way_out` ends it;
    {size} in it is the number of images that the smallest class has.
    """
    size = min(card.class_sizes)
    if size < least:
        class_id = card.classes[card.class_sizes.index(size)]
        raise UsageError(
            f"{why} needs {least} training images of every class, but class {class_id!r} of "
            f"{card.name!r} has {size}: {way_out.format(size=size)}."
        )


def mode_pull(step: Step, modes: Tensor, strength: float) -> Tensor:
    """Return `strength * sigma * (modes - clean)` `[B, C, h, w]`, to be added to the mean.

    Modes are `[B, C, h, w]`, one for every row. MGD3's guidance with DDPM:
    jachansantiago/mode_guidance, scheduling_ddpm_mode_guidance.py.
    """
    return strength * step.sigma * (modes - step.clean)


def finite_or_nan(compute: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Return `compute(*inputs)`, or NaN of the first input's shape if an input is not finite.

    For what raises of its own on such numbers, as decompositions do: the sampler's message then
    names the step and the strengths. Reads back from the device once.
    """
    import torch

    if bool(torch.stack([tensor.isfinite().all() for tensor in inputs]).all()):
        return compute(*inputs)
    return torch.full_like(inputs[0], math.nan)


def own_modes(modes: ModesOfClasses) -> PerBatch[Tensor]:
    """Return what gives every row of a step the mode of its image `[B, C, h, w]`.

    Image number `slot` of a class (see `Job`) has mode `slot` of that class.
    """

    def gathered(step: Step) -> Tensor:
        import numpy as np
        import torch

        rows = np.stack([modes.of_class(job.label)[job.slot] for job in step.jobs])
        return torch.from_numpy(rows).to(step.x.device, step.x.dtype)

    return PerBatch(gathered)


class PerBatch(Generic[T]):
    """A value that is made at the first step of a batch and kept until the next batch begins."""

    def __init__(self, make: Callable[[Step], T]) -> None:
        self._make = make
        self._jobs: tuple[Job, ...] | None = None
        self._value: T | None = None

    def __call__(self, step: Step) -> T:
        """Return the value for the jobs of a step."""
        if self._jobs is not step.jobs or self._value is None:
            self._value = self._make(step)
            self._jobs = step.jobs
        return self._value
