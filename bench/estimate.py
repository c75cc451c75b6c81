"""How long and how large a plan will be, before it starts."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contracts import TellsTime
from bench.errors import BenchError
from bench.streams import Streams
from bench.timing import Shape, shape_of

if TYPE_CHECKING:
    from bench.plan import Unit
    from bench.records import Record
    from bench.units import Workshop


@dataclass(frozen=True)
class Estimate:
    """What pending units will cost."""

    seconds: Mapping[Shape, float]
    """Seconds for one unit of every shape."""
    total_seconds: float
    distilled_bytes: int
    """Upper bound for the distilled sets to be made: as lossless pixels."""
    unknown: tuple[str, ...]
    """What cannot be estimated before it has run once, in words."""


def estimate(
    pending: Sequence[Unit],
    units: Sequence[Unit],
    known: Mapping[str, Record],
    workshop: Workshop,
) -> Estimate:
    """Estimate the pending units of a plan: from its records where there are some, else a probe."""
    seconds = _measured(units, known)
    for unit in pending:
        shape = shape_of(unit)
        if shape in seconds:
            continue
        probed = _probed(unit, workshop)
        if probed is not None:
            seconds[shape] = probed
    distillations = [unit for unit in pending if unit.kind == "distillation"]
    return Estimate(
        seconds,
        sum(seconds.get(shape_of(unit), 0.0) for unit in pending),
        sum(_bytes(unit) for unit in distillations),
        _in_words([unit for unit in pending if shape_of(unit) not in seconds]),
    )


def num_images(unit: Unit) -> int:
    """Return how many images the distilled set of a unit holds."""
    card = unit.card
    return card.num_train if unit.ipc is None else unit.ipc * card.num_classes


def _measured(units: Iterable[Unit], known: Mapping[str, Record]) -> dict[Shape, float]:
    times: dict[Shape, list[float]] = defaultdict(list)
    for unit in units:
        if unit.key in known:
            times[shape_of(unit)].append(known[unit.key].provenance.seconds)
    return {shape: sum(values) / len(values) for shape, values in times.items()}


def _in_words(units: Iterable[Unit]) -> tuple[str, ...]:
    """Return what is done in these units: all distilling at once, then protocols with students."""
    methods: dict[str, None] = {}
    trainings: dict[str, None] = {}
    for unit in units:
        if unit.protocol is None:
            methods[unit.method.label] = None
        else:
            student = f" with {unit.student.label}" if unit.student else ""
            trainings[f"{unit.protocol.label}{student}"] = None
    return (*([f"distilling with {' or '.join(methods)}"] if methods else []), *trainings)


def _probed(unit: Unit, workshop: Workshop) -> float | None:
    """Return the seconds of a short try; None where it fails, as then the unit will say why."""
    import torch

    try:
        return _probe(unit, workshop) if unit.kind == "evaluation" else _told(unit, workshop)
    except (BenchError, torch.OutOfMemoryError):
        return None


def _probe(unit: Unit, workshop: Workshop) -> float:
    assert unit.resolved_protocol is not None
    real = workshop.real(unit.card.name)
    student = unit.student.asked if unit.student else None
    return unit.resolved_protocol.seconds(
        unit.card, num_images(unit), student, len(real.test), workshop.device
    )


def _told(unit: Unit, workshop: Workshop) -> float | None:
    """Return the seconds that a method expects of itself, if it can tell."""
    method = unit.resolved_method
    if not isinstance(method, TellsTime):
        return None
    with tempfile.TemporaryDirectory() as work:
        ctx = workshop.context(Streams((unit.seed,)), Path(work), lambda done, total: None)
        return method.seconds(unit.card, unit.ipc, ctx)


def _bytes(unit: Unit) -> int:
    if unit.ipc is None:
        return 0
    return num_images(unit) * 3 * unit.card.resolution**2
