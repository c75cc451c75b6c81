"""How long and how large a plan will be, before it starts."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.artefacts import key, title
from bench.contracts import Artefact, TellsSize, TellsTime
from bench.errors import BenchError
from bench.footprint import LABELS, TEACHER, TESTS, Footprint
from bench.labelling_time import labelling_times
from bench.streams import Streams
from bench.timing import Shape, shape_of

if TYPE_CHECKING:
    from bench.plan import Unit
    from bench.records import Record
    from bench.units import Workshop

UNTOLD_LABELS = "stored labels (once for every distilled set)"


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
    artefacts: tuple[str, ...] = ()
    """What is built once for all and not counted in the time, in words."""


def estimate(
    pending: Sequence[Unit],
    units: Sequence[Unit],
    known: Mapping[str, Record],
    workshop: Workshop,
    missing: Sequence[Artefact[Any]] = (),
) -> Estimate:
    """Estimate the pending units of a plan: from its records where there are some, else a probe.

    `missing` are the artefacts that they will have built; those that can tell how long that takes
    are counted, as are labels that teachers give to distilled sets.
    """
    seconds = _measured(units, known)
    for unit in pending:
        shape = shape_of(unit)
        if shape in seconds:
            continue
        probed = _probed(unit, workshop)
        if probed is not None:
            seconds[shape] = probed
    distillations = [unit for unit in pending if unit.kind == "distillation"]
    built = {title(artefact): _of_artefact(artefact, workshop) for artefact in missing}
    labels = labelling_times(pending, known, workshop)
    untold = sorted(words for words, told in built.items() if told is None)
    return Estimate(
        seconds,
        sum(seconds.get(shape_of(unit), 0.0) for unit in pending)
        + sum(told for told in (*built.values(), *labels) if told is not None),
        sum(_bytes(unit) for unit in distillations),
        _in_words([unit for unit in pending if shape_of(unit) not in seconds]),
        (*untold, *([UNTOLD_LABELS] if None in labels else [])),
    )


def footprint(units: Sequence[Unit], workshop: Workshop) -> Footprint:
    """Return what units take, as far as their protocols can say.

    Disk is that of all of them together, shared files once; memory and device are those of the one
    that takes most.
    """
    disk: dict[tuple[object, ...], int] = {}
    memory, device = 0, 0
    by_shape: dict[Shape, Footprint | None] = {}
    for unit in units:
        shape = shape_of(unit)
        if shape not in by_shape:  # networks are built for it, which takes a moment
            by_shape[shape] = _size(unit, workshop)
        if (one := by_shape[shape]) is not None:
            disk |= {(name, *_owner(unit, name), size): size for name, size in one.disk.items()}
            memory, device = max(memory, one.memory), max(device, one.device)
    together: dict[str, int] = defaultdict(int)
    for (name, *_), size in disk.items():
        together[str(name)] += size
    return Footprint(dict(together), memory, device)


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


def _size(unit: Unit, workshop: Workshop) -> Footprint | None:
    """Return the footprint of one evaluation; None where the unit cannot run or does not tell."""
    protocol: Any = unit.resolved_protocol
    if not isinstance(protocol, TellsSize):
        return None
    student = unit.student.asked if unit.student else None
    num_test = len(workshop.real(unit.card.name).test)
    try:
        return protocol.footprint(unit.card, unit.num_images, student, num_test)
    except (BenchError, ValueError):
        return None


def _owner(unit: Unit, name: str) -> tuple[object, ...]:
    """Return what a file on the disk belongs to: units of one owner share it."""
    if name == TESTS:
        return (unit.card.test_revision,)
    made = tuple(key(artefact) for artefact in unit.artefacts)
    if name == TEACHER:
        return made
    whole = unit.ipc is None  # decoded once, whatever method asks for it
    images = unit.card.train_revision if whole else unit.distillation
    return (images, *made) if name == LABELS else (images,)


def _of_artefact(artefact: Artefact[Any], workshop: Workshop) -> float | None:
    """Return the seconds that an artefact expects its building to take, if it can tell."""
    import torch

    tell = getattr(artefact, "seconds", None)
    if not callable(tell):
        return None
    with tempfile.TemporaryDirectory() as work:
        ctx = workshop.context(Streams((0,)), Path(work), lambda done, total: None)
        try:
            told: float | None = tell(ctx)
        except (BenchError, torch.OutOfMemoryError):
            return None
        return told


def _probe(unit: Unit, workshop: Workshop) -> float:
    assert unit.resolved_protocol is not None
    real = workshop.real(unit.card.name)
    student = unit.student.asked if unit.student else None
    return unit.resolved_protocol.seconds(
        unit.card, unit.num_images, student, len(real.test), workshop.device
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
    return unit.num_images * 3 * unit.card.resolution**2
