"""The inline executor: one unit after another, in this process, on one device."""

from __future__ import annotations

import time
import traceback
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bench.errors import BenchError
from bench.files import DiskFullError
from bench.provenance import Stopwatch
from bench.records import Failure
from bench.units import run_unit

if TYPE_CHECKING:
    from bench.plan import Unit
    from bench.progress import Reporter
    from bench.store import Store
    from bench.units import Workshop

State = Literal["done", "failed", "blocked", "busy"]

_POLL_SECONDS = 0.2


@dataclass
class Tally:
    """How the units of a run ended."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    """Their distillation has failed, so there is nothing to train on."""

    def count(self, state: State, unit: Unit) -> None:
        """Note how a unit ended."""
        getattr(self, state).append(unit.key)


def execute(units: Sequence[Unit], store: Store, workshop: Workshop, reporter: Reporter) -> Tally:
    """Do all units in order; a failing one leaves a failure file and the others go on.

    Units that another process holds are waited for at the end and done here if it dies. Raises
    DiskFullError, since nothing more could be kept, and lets KeyboardInterrupt through.
    """
    tally = Tally()
    unsettled = {unit.key for unit in units if unit.kind == "distillation"}
    workshop.listen(reporter.note)
    reporter.begin(units)
    try:
        waiting = list(units)
        while waiting:
            busy = []
            for unit in waiting:
                state = _attempt(unit, store, workshop, reporter, unsettled)
                if state == "busy":
                    busy.append(unit)
                else:
                    tally.count(state, unit)
                    unsettled.discard(unit.key)
            if len(busy) == len(waiting):
                time.sleep(_POLL_SECONDS)
            waiting = busy
    finally:
        reporter.end()
    return tally


def _attempt(
    unit: Unit, store: Store, workshop: Workshop, reporter: Reporter, unsettled: Container[str]
) -> State:
    with store.claim(unit.key) as mine:
        if not mine:
            return "busy"
        record = store.record(unit.key)
        if record is not None:  # another process was faster
            reporter.started(unit)
            reporter.finished(unit, record)
            return "done"
        if unit.kind == "evaluation":
            missing = _without_set(unit, store, unsettled)
            if missing is not None:
                return missing
        return _do(unit, store, workshop, reporter)


def _without_set(unit: Unit, store: Store, unsettled: Container[str]) -> State | None:
    """Return "busy" or "blocked" if the unit's distilled set is not there, else None.

    It may still come while another process makes it, or while this run has it to do.
    """
    if store.record(unit.distillation) is not None:
        return None
    with store.claim(unit.distillation) as free:
        if not free or unit.distillation in unsettled:
            return "busy"
        # Read again under the lock: it may have been written since.
        return "blocked" if store.record(unit.distillation) is None else None


def _do(unit: Unit, store: Store, workshop: Workshop, reporter: Reporter) -> State:
    watch = Stopwatch(workshop.device)
    reporter.started(unit)
    try:
        record = run_unit(unit, store, workshop, reporter.advanced)
    except DiskFullError:
        raise
    except Exception as error:
        message = _in_words(error)
        store.add_failure(
            Failure(
                key=unit.key,
                unit=unit.title,
                attempt=len(store.failures(unit.key)) + 1,
                error=type(error).__name__,
                message=message,
                traceback="".join(traceback.format_exception(error)),
                provenance=watch.provenance(0.0),
            )
        )
        reporter.failed(unit, message)
        return "failed"
    reporter.finished(unit, record)
    return "done"


def _in_words(error: Exception) -> str:
    """Return one line for people; the failure file holds the traceback."""
    if isinstance(error, BenchError):
        return str(error)
    first = (str(error).strip().splitlines() or ["no message"])[0]
    return f"{type(error).__name__}: {first}"
