"""What a method may do while its images are sampled: the contract between sampler and hook.

The sampler knows no method; a hook knows no more of the scheduler than a step says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.generators.interface import Cond, Generator, Prediction
    from bench.sampling.schedule import Level, Schedule
    from bench.streams import Streams


@dataclass(frozen=True)
class Job:
    """One image to be sampled."""

    class_id: str
    """Class of the real set, which names the noise."""
    label: int
    """Label in the real set, which is not the generator's number of the class."""
    k: int
    """Index of the image within its class: with seed and class id, all its noise depends on."""
    prompt: str = ""
    """Words for generators that are conditioned on text."""
    ipc: int = 0
    """How many images of a class belong together; 0: all of them."""
    known_as: str = ""
    """Class of the generator that is shown, where a class map names another than `class_id`."""

    @property
    def group(self) -> int:
        """Return which of the groups of `ipc` images of its class it belongs to."""
        return self.k // self.ipc if self.ipc else 0

    @property
    def slot(self) -> int:
        """Return its place within the group: which mode is its own, how many came before it."""
        return self.k % self.ipc if self.ipc else self.k

    @property
    def shown(self) -> str:
        """Return the class id that the generator is asked for."""
        return self.known_as or self.class_id


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

    Rows belong to `jobs` and are to be guided independently of each other. The last batch of a run
    is padded to the shape of the others by rows that repeat its last job; what becomes of them is
    thrown away.
    """

    jobs: tuple[Job, ...]
    """One for every row: the same object in all steps of a batch, so that caches may go by it."""
    rows: int
    """How many of the rows are images; the others are padding."""
    schedule: Schedule
    level: Level
    attempt: int
    """How often this step has been repeated already."""
    x: Tensor
    """The state before the step; takes a gradient if the hook wanted a graph."""
    cond: Cond
    prediction: Prediction
    """What the network says; holds the `features` of a layer that the hook wanted."""
    clean: Tensor
    """Predicted clean latent, after classifier-free guidance; never clipped. With a graph and no
    layer it depends on `x`, all else but `prediction` does not."""
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
    streams: Streams
    """For randomness that images share; a key must hold nothing of the batch."""


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
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    """Parts of the fields above `[B, C, h, w]`, by name: traced instead of them, never applied."""
    values: Mapping[str, Tensor] = field(default_factory=dict)
    """One number per row `[B]`, by name: traced as it is."""


class Hook(Protocol):
    """Guidance of a method: one object per distillation, whose state is keyed by class.

    What it remembers changes in `done` alone (caches apart), so that a batch that did not fit into
    memory can be sampled again in parts.
    """

    @property
    def sequential(self) -> bool:
        """Say whether image k of a class needs the images before it.

        If so, a batch holds one image of a class and group at most, and images come in order.
        """
        ...

    @property
    def strengths(self) -> str:
        """Return its strengths in words, such as "`influence` 5 and `deviation` 50"."""
        ...

    def wants(self, u: float) -> Want:
        """Return what is needed at fraction `u` of the schedule (see `Level.u`)."""
        ...

    def __call__(self, step: Step) -> Delta | None:
        """Return what to change; None leaves the step bit for bit as it is."""
        ...

    def done(self, job: Job, latent: Tensor) -> None:
        """Hear of a finished image, in the order of jobs; `latent` is `[C, h, w]`.

        After a kill, it is heard of images again that were finished before.
        """
        ...
