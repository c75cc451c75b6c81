"""How long the labels take that pending units will have made of distilled sets, each set once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.artefacts import key
from bench.contracts import LabelsSets
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.plan import Unit
    from bench.records import Record
    from bench.units import Workshop

Labelled = tuple["Unit", LabelsSets]


def labelling_times(
    pending: Sequence[Unit], known: Mapping[str, Record], workshop: Workshop
) -> list[float | None]:
    """Return the seconds of all labels that are still to be made; None for each that cannot tell.

    Units share them that learn from one set in the same views; sets of equal size take equal times.
    """
    told: dict[tuple[str, int], float | None] = {}
    times = []
    for unit, protocol in dict(_waiting(pending, known, workshop)).values():
        alike = key(protocol.labels_of(unit.card, "")[0]), unit.num_images
        if alike not in told:
            told[alike] = _told(unit, protocol, workshop)
        times.append(told[alike])
    return times


def _waiting(
    pending: Sequence[Unit], known: Mapping[str, Record], workshop: Workshop
) -> Iterator[tuple[str, Labelled]]:
    """Yield the labels to be made, by their names, with a unit that needs them.

    A set that is not there yet has no revision: the key of its distillation stands for it.
    """
    for unit in pending:
        protocol: Any = unit.resolved_protocol
        if not isinstance(protocol, LabelsSets):
            continue
        made = known.get(unit.distillation)
        labels = protocol.labels_of(unit.card, made.distilled if made else unit.distillation)
        if labels and not any(workshop.artefacts.has(one) for one in labels):
            yield key(labels[0]), (unit, protocol)


def _told(unit: Unit, protocol: LabelsSets, workshop: Workshop) -> float | None:
    """Return the seconds of one set's labels; None where the probe fails."""
    from bench.training.memory import told_if_full

    try:
        with told_if_full("the teacher was probed", "free the device"):
            return protocol.labelling_seconds(unit.card, unit.num_images, workshop.device)
    except BenchError:
        return None
