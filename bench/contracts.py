"""The contracts between the rooms: what a method, a protocol, a student and an artefact are.

All of them are *specs*: frozen dataclasses of plain values (see `bench.specs`) with a class
variable `revision`, raised whenever equal fields would give other results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.context import Context
    from bench.footprint import Footprint
    from bench.sets import DatasetCard, DistilledSet, RealSet

T_co = TypeVar("T_co", covariant=True)


class Artefact(Protocol[T_co]):
    """Something built once and shared: features, networks, statistics, labels.

    Fields name all that the content depends on; what depends on images carries their revision.
    """

    revision: ClassVar[int]

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the artefacts that `build` asks the context for."""
        ...

    def build(self, ctx: Context, out: Path) -> None:
        """Write the content into the empty folder `out` (safetensors, npy, PNG or JSON)."""
        ...

    def load(self, path: Path, device: torch.device) -> T_co:
        """Return the content of a folder that `build` has filled."""
        ...


class Method(Protocol):
    """Turns a real set into a distilled set."""

    revision: ClassVar[int]

    @property
    def stochastic(self) -> bool:
        """False: the seed changes nothing, so the set is distilled once whatever `--seeds`."""
        ...

    @property
    def uses_ipc(self) -> bool:
        """False: the set has one size (a reference row such as the full training set)."""
        ...

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Fill the fields that are None or "auto" from the card; pure, without data or weights."""
        ...

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return the artefacts that `distill` asks the context for, for plans and dry runs."""
        ...

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return the distilled set: `ipc` images of every class, ordered by class."""
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A method whose result depends on files outside the real set, such as `folder`."""

    def inputs_revision(self, card: DatasetCard, ipc: int | None, seed: int) -> str:
        """Return a hash of these files; UsageError if they are missing or ambiguous."""
        ...


@runtime_checkable
class TellsTime(Protocol):
    """A method that can say how long it takes before it has run once."""

    def seconds(self, card: DatasetCard, ipc: int | None, ctx: Context) -> float | None:
        """Estimate one `distill` by a probe of about a second; None if that takes a download."""
        ...


@runtime_checkable
class TellsSize(Protocol):
    """A protocol that can say how much disk and memory one `evaluate` takes; resolved ones only."""

    def footprint(
        self, card: DatasetCard, num_images: int, student: Student | None, num_test: int
    ) -> Footprint:
        """Return the bytes on the disk, in memory and on the device, by arithmetic."""
        ...


@runtime_checkable
class LabelsSets(Protocol):
    """A protocol whose teacher may label a distilled set once, for all students; resolved ones."""

    def labels_of(self, card: DatasetCard, distilled: str) -> tuple[Artefact[Any], ...]:
        """Return what the labels of a set of this revision may be, one of which is made; or ()."""
        ...

    def labelling_seconds(self, card: DatasetCard, num_images: int, device: torch.device) -> float:
        """Estimate their making by a probe of about a second."""
        ...


class Student(Protocol):
    """A network trained from scratch on a distilled set."""

    revision: ClassVar[int]

    @property
    def family(self) -> str:
        """Return the kind of architecture, such as "convnet" or "resnet"."""
        ...

    def build(self, num_classes: int, image_size: int, norm: str) -> nn.Module:
        """Return the network with fresh weights drawn from torch's global generator.

        `norm` is "instance" or "batch"; networks with a native norm ignore it. UsageError if the
        network cannot take images of `image_size` x `image_size` pixels.
        """
        ...


@dataclass(frozen=True)
class MetricCard:
    """What has to be said beside a number for it to mean anything."""

    facts: Mapping[str, str | int | float]


@dataclass(frozen=True)
class Outcome:
    """What one evaluation measured."""

    scores: Mapping[str, float]
    """Score name (see `bench.scores.SCORES`) to one number."""
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Curves, such as accuracy at every evaluated epoch; "epoch" holds the abscissa."""
    per_class: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Score name to one number per class, in label order."""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """What was used: norm, parameters, updates, ..."""
    cards: Mapping[str, MetricCard] = field(default_factory=dict)
    """Score name to its card."""
    earlier_seconds: float = 0.0
    """Time that a killed process spent on what this one went on from."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Attachments below the context's `work` folder; they are kept with the record."""


class EvalProtocol(Protocol):
    """Turns a distilled set into scores: one student, or one metric pass, per call.

    A class variable `of_references` of False leaves out sets that have no IPC, such as `full`:
    a protocol that compares with the real set would compare that with itself.
    """

    revision: ClassVar[int]
    uses_students: ClassVar[bool]

    def resolve(self, card: DatasetCard, ipc: int | None, student: Student | None) -> Self:
        """Fill the fields that are None as published for this set, IPC and student; pure."""
        ...

    def needs(self, card: DatasetCard, student: Student | None) -> tuple[Artefact[Any], ...]:
        """Return the artefacts that `evaluate` asks the context for."""
        ...

    def check(self, card: DatasetCard, student: Student | None) -> None:
        """Raise UsageError if a resolved protocol cannot run with this student; cheap."""
        ...

    def evaluate(
        self, distilled: DistilledSet, real: RealSet, student: Student | None, ctx: Context
    ) -> Outcome:
        """Measure one student (seeds in `ctx.streams`) or one metric pass."""
        ...

    def seconds(
        self,
        card: DatasetCard,
        num_images: int,
        student: Student | None,
        num_test: int,
        device: torch.device,
    ) -> float:
        """Estimate the time of one `evaluate` by a probe of about a second."""
        ...
