"""What a method may do while its images are sampled: the contract between sampler and hook.

The sampler knows no method; a hook knows no more of the scheduler than a step says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.generators.interface import Cond, Generator, Prediction
    from bench.sampling.schedule import Level, Schedule


@dataclass(frozen=True)
class Job:
    """One image to be sampled."""

    class_id: str
    label: int
    """Label in the real set, which is not the generator's number of the class."""
    k: int
    """Index of the image within its class: with seed and class id, all its noise depends on."""
    prompt: str = ""
    """Words for generators that are conditioned on text."""


@dataclass(frozen=True)
class Want:
    """What a hook needs of the network call of one step."""

    graph: bool = False
    """Build a graph from `Step.x`: of the features if a layer is named, else of all."""
    layer: str | None = None
    """Layer whose output `Step.prediction.features` shall hold."""


@dataclass(frozen=True, eq=False)
class Step:
    """One step as the sampler would take it; tensors are `[B, C, h, w]` and not to be changed.

    Rows belong to `jobs`. The last batch of a run is padded to the shape of the others by rows
    that repeat its last job; what becomes of them is thrown away.
    """

    jobs: tuple[Job, ...]
    schedule: Schedule
    level: Level
    attempt: int
    """How often this step has been repeated already."""
    x: Tensor
    """The state before the step; takes a gradient if the hook wanted a graph."""
    cond: Cond
    prediction: Prediction
    clean: Tensor
    """Predicted clean latent, after classifier-free guidance; never clipped."""
    mean: Tensor
    """The state after the step, without its noise."""
    sigma: Tensor
    """Standard deviation DDPM gives the step, per element; DDIM adds no noise all the same."""
    noise: Tensor | None
    """Standard normal noise of the step; None where none is added."""
    proposal: Tensor
    """The state after the step if the hook leaves it alone."""
    generator: Generator
    rngs: tuple[torch.Generator, ...]
    """One stream for every row, for the randomness of guidance: the sampler's own stays as it is.

    They are on the CPU, start anew with every image and go on from step to step."""


@dataclass(frozen=True, eq=False)
class Delta:
    """What a hook changes; None in a field leaves its part of the computation as it is.

    Applied in the order of the fields: what depends on a changed quantity is computed again.
    """

    noise: Tensor | None = None
    """Added to the predicted noise; the clean latent and the mean follow."""
    clean: Tensor | None = None
    """Added to the predicted clean latent; the mean follows (DDIM: by way of the noise)."""
    mean: Tensor | None = None
    """Added to the mean, before the noise."""
    x: Tensor | None = None
    """Added to the state after the step, after the noise."""
    repeat: bool = False
    """Noise the state again with fresh noise of `Step.rngs`, and take the step once more."""


class Hook(Protocol):
    """Guidance of a method: one object per distillation, whose state is keyed by class."""

    @property
    def sequential(self) -> bool:
        """Say whether image k of a class needs the images before it.

        If so, a batch holds one image of a class at most, and images come in order.
        """
        ...

    def wants(self, u: float) -> Want:
        """Return what is needed at fraction `u` of the schedule (see `Level.u`)."""
        ...

    def __call__(self, step: Step) -> Delta | None:
        """Return what to change; None leaves the step bit for bit as it is."""
        ...

    def done(self, job: Job, latent: Tensor) -> None:
        """Hear of a finished image, in the order of jobs; `latent` is `[C, h, w]`."""
        ...
