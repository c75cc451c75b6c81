"""What students are taught with: a teacher that is asked in every update, or its stored answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.training.recipe import settled

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from bench.context import Context
    from bench.data.prefix import Prefix
    from bench.relabelling import StoredLabels
    from bench.sets import DatasetCard, DistilledSet
    from bench.streams import Streams
    from bench.teachers.opened import OpenTeacher
    from bench.training.examples import Examples
    from bench.training.targets import Targets
    from protocols.soft import SoftLabel


@dataclass(frozen=True)
class Teaching:
    """What is learned, and what has to be kept for it."""

    targets: Callable[[Examples], Targets]
    """What the images of a training are answered with."""
    seeing: Streams | None
    """Whose draws decide what is seen; None: the student's own."""
    label_bytes: int
    teacher_bytes: int


def teaching(
    protocol: SoftLabel,
    opened: OpenTeacher,
    distilled: DistilledSet,
    card: DatasetCard,
    ctx: Context,
) -> Teaching:
    """Return what students of a distilled set learn; stored labels are made if they are not."""
    from bench.context import artefact_streams
    from bench.training.targets import FromStore

    if protocol.labels == "fresh":
        return Teaching(from_teacher(protocol, opened.network), None, 0, opened.bytes)
    prefix = protocol.prefix_of(distilled.images)
    labels = ctx.get(stored_labels(protocol, card, ctx.distilled_revision, prefix))
    temperature = settled(protocol.temperature, "temperature")
    squared = protocol.loss_scale == "squared"
    return Teaching(
        lambda examples: FromStore(labels, temperature, squared, examples.weights),
        artefact_streams(protocol.label_seed),
        labels.size,
        0,
    )


def stored_labels(
    protocol: SoftLabel, card: DatasetCard, distilled: str, prefix: Prefix
) -> StoredLabels:
    """Return the artefact of the teacher's answers to a set of this revision."""
    from bench.relabelling import Relabelling, StoredLabels

    return StoredLabels(
        distilled,
        settled(protocol.teacher, "teacher").weights_of(card, protocol.side),
        card.name,
        Relabelling.of(protocol, prefix),
        protocol.label_seed,
    )


def from_teacher(protocol: SoftLabel, network: torch.nn.Module) -> Callable[[Examples], Targets]:
    """Return what asks a network about every batch."""
    from bench.training.targets import FromTeacher

    return lambda examples: FromTeacher(
        network,
        settled(protocol.temperature, "temperature"),
        protocol.loss_scale == "squared",
        protocol.numerics,
        examples.weights,
        protocol.side,
    )
