"""The main job: a request in, records out. The command line and `bench.run` both call this."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench import data, registry
from bench.artefacts import WORTH_SAYING, ArtefactStore, default_cache, key
from bench.cache import in_use
from bench.errors import UsageError
from bench.estimate import Estimate, estimate, footprint
from bench.plan import Unit, planned
from bench.progress import Lines, Reporter
from bench.provenance import commit_of_project
from bench.records import Record
from bench.request import RunSpec, selections
from bench.store import Store
from bench.timing import duration, shape_of
from bench.training.compiling import Wish
from bench.units import Workshop

if TYPE_CHECKING:
    import torch

    from bench.contracts import Artefact
    from bench.footprint import Footprint
    from bench.sets import RealSet


@dataclass(frozen=True)
class Options:
    """How to run, none of which changes a result."""

    out: Path = Path("runs/default")
    device: str = "auto"
    cache: Path = field(default_factory=default_cache)
    retry_failed: bool = False
    rerun: bool = False
    compile: Wish = "auto"
    """Whether students are compiled: rounding apart, it changes time only."""


@dataclass(frozen=True)
class Prepared:
    """A plan held against what the run's folder already has."""

    run: RunSpec
    options: Options
    reals: dict[str, RealSet]
    units: tuple[Unit, ...]
    known: dict[str, Record]
    """Records of the folder by key, of this plan or another."""
    failed: frozenset[str]
    """Units of this plan whose last attempt failed."""

    @property
    def pending(self) -> list[Unit]:
        """Return the units to do, in order."""
        again = self.options.retry_failed or self.options.rerun
        skipped = frozenset() if again else self.failed
        done = frozenset() if self.options.rerun else self.known.keys()
        return [u for u in self.units if u.key not in done and u.key not in skipped]

    @property
    def records(self) -> list[Record]:
        """Return the records of this plan that exist."""
        return [self.known[unit.key] for unit in self.units if unit.key in self.known]

    @property
    def other_commits(self) -> int:
        """Return how many of these records another commit of the project has made."""
        commit, _ = commit_of_project()
        return sum(record.provenance.commit != commit for record in self.records)

    @property
    def other_plugins(self) -> int:
        """Return how many of these records another version of a plugin has made."""
        now = {unit.key: _origins(unit) for unit in self.units}
        return sum(now[record.key] != _origins(record) for record in self.records)

    def workshop(self) -> Workshop:
        """Return the workshop of this process for this plan."""
        return Workshop(
            self.reals,
            ArtefactStore(self.options.cache, anew=self.options.rerun),
            device(self.options.device),
            self.options.compile,
            Counter(shape_of(unit) for unit in self.units),
        )

    def estimate(self, workshop: Workshop) -> Estimate:
        """Estimate the pending units and the artefacts that they will have built."""
        return estimate(self.pending, self.units, self.known, workshop, self.missing())

    def footprint(self, workshop: Workshop) -> Footprint:
        """Return the disk and memory that the pending units take, as far as protocols can say."""
        return footprint(self.pending, workshop)

    def missing(self) -> list[Artefact[Any]]:
        """Return the artefacts that pending units will have built, each once."""
        store = ArtefactStore(self.options.cache)
        waiting = [artefact for unit in self.pending for artefact in unit.artefacts]
        found: dict[str, Artefact[Any]] = {}
        while waiting:
            artefact = waiting.pop()
            if store.has(artefact) or getattr(artefact, "ready", False):
                continue
            if key(artefact) not in found:
                found[key(artefact)] = artefact
                waiting.extend(artefact.needs())
        return list(found.values())


@dataclass(frozen=True)
class Result:
    """What a run has left behind."""

    store: Store
    records: tuple[Record, ...]
    """All records of the plan, old and new."""
    num_new: int
    failed: tuple[Unit, ...]
    blocked: tuple[Unit, ...]

    @property
    def complete(self) -> bool:
        """Say whether every unit of the plan has its record."""
        return not self.failed and not self.blocked


def prepare(
    run: RunSpec, options: Options, note: Callable[[str], None] = lambda _: None
) -> Prepared:
    """Open the sets, expand the plan and look at what is done; trains nothing, writes no record.

    A set that is downloaded is fetched into the cache if it is not here.
    `note` hears a sentence for every method of "all" that cannot serve a set, for every control
    that is added, and for every set that took a while to open. Raises UsageError for a request that
    cannot be carried out.
    """
    names = registry.load(Path(plugin) for plugin in run.plugins)
    selections(run, names)  # a wrong name is told before any set is opened
    reals = open_sets(run, options, note)
    units = tuple(planned(run, names, [real.card for real in reals.values()], note))
    known: dict[str, Record] = {}
    failed: set[str] = set()
    if not Store.is_new(options.out):
        store = Store.existing(options.out)
        known = {record.key: record for record in store.records()}
        failed = {u.key for u in units if u.key not in known and store.failures(u.key)}
    return Prepared(run, options, reals, units, known, frozenset(failed))


def execute(
    prepared: Prepared,
    workshop: Workshop,
    reporter: Reporter,
) -> Result:
    """Do the pending units and return what the plan has now."""
    from bench.executors import inline

    store = Store.open(prepared.options.out)
    store.sweep()
    store.save_plan(*_plan_file(prepared))
    pending = prepared.pending
    if prepared.options.rerun:
        for unit in pending:
            store.forget_partial(unit.key)
            if unit.key in prepared.known:
                store.supersede(prepared.known[unit.key])
    tally = inline.execute(pending, store, workshop, reporter)
    found = (store.record(unit.key) for unit in prepared.units)
    by_key = {unit.key: unit for unit in prepared.units}
    pending_keys = {unit.key for unit in pending}
    earlier = sorted(prepared.failed - pending_keys)
    return Result(
        store,
        tuple(record for record in found if record is not None),
        len(tally.done),
        tuple(by_key[key] for key in (*tally.failed, *earlier)),
        tuple(by_key[key] for key in tally.blocked),
    )


def run(spec: RunSpec, options: Options | None = None, reporter: Reporter | None = None) -> Result:
    """Run a request from Python: `bench.run(bench.RunSpec(methods=("random",), ...))`."""
    from rich.console import Console

    options = options or Options()
    chosen = reporter or Lines(Console(stderr=True))
    with in_use(options.cache):
        prepared = prepare(spec, options, chosen.note)
        return execute(prepared, prepared.workshop(), chosen)


def open_sets(run: RunSpec, options: Options, note: Callable[[str], None]) -> dict[str, RealSet]:
    """Open the real sets of all parts of a request by name, fetched if they are not here.

    `note` hears of every set that took a while. UsageError if two sets have one name.
    """
    root = Path(run.data_root) if run.data_root else None
    reals: dict[str, RealSet] = {}
    for request in run.all_datasets:
        data.fetch_missing(request, data_root=root, cache=options.cache)
        started = time.perf_counter()
        real = data.open_real_set(
            request, data_root=root, cache=options.cache, hold_out=run.hold_out
        )
        name, seconds = real.card.name, time.perf_counter() - started
        if seconds >= WORTH_SAYING:
            count = len(real.train) + len(real.test)
            note(f"Looked at {count:,} images of {name}: {duration(seconds)}.")
        if name in reals and reals[name].card != real.card:
            raise UsageError(
                f"Two different sets are called {name!r}: give one another name, as in "
                f"`other=folder:PATH`."
            )
        reals[name] = real
    return reals


def device(name: str) -> torch.device:
    """Return a device by name; "auto" is CUDA where there is one. UsageError if it is absent."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise UsageError(
            f"`--device` must be auto, cpu, cuda or cuda:<number>, got {name!r}."
        ) from error
    count = torch.cuda.device_count() if chosen.type == "cuda" else 1
    if chosen.type not in ("cpu", "cuda") or (chosen.index or 0) >= count:
        raise UsageError(
            f"`--device {name}` was asked for, but torch {torch.__version__} sees {count} CUDA "
            "devices here: use `--device cpu`, or see `bench doctor`."
        )
    return chosen


def _origins(made: Unit | Record) -> tuple[str, str]:
    return made.method.origin, made.protocol.origin if made.protocol else ""


def _plan_file(prepared: Prepared) -> tuple[str, bytes]:
    """Return the plan's hash and its file: the request, which replays it, and the units."""
    sets = {
        name: {"train": real.card.train_revision, "test": real.card.test_revision}
        for name, real in prepared.reals.items()
    }
    units = [unit.as_plain() for unit in prepared.units]
    raw = msgspec.json.encode({"run": prepared.run, "sets": sets, "units": units})
    return hashlib.sha256(raw).hexdigest()[:16], msgspec.json.format(raw, indent=1) + b"\n"
