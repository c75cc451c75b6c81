"""Which cell of a run answers to which of a baseline, and all that keeps them from comparing.

Cells are found by their names and then held against what the names stood for. Whatever is another
thing than it was is refused, and never passed: only noise and code may differ.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from bench.errors import UsageError
from bench.records import Record
from leaderboards.gate.baseline_file import Baseline
from leaderboards.gate.cells import Held, artefacts_of, cells_of
from leaderboards.table import latest

Pair = tuple[Held, Held]
"""A cell of the baseline, and the one of the run."""

SHOWN = 3
"""Changes that a sentence names."""


@dataclass(frozen=True)
class Change:
    """One thing that is another one than it was."""

    cell: str
    """In words; "" for what is no matter of one cell."""
    what: str
    was: str
    now: str
    lacking: bool = False
    """Whether the run has too little, and not another thing."""

    @property
    def sentence(self) -> str:
        """Return what has changed, without the cell and without full stop."""
        return f"{self.what} is {self.now} and was {self.was}"


class Incomparable(UsageError):
    """The run is not one of what the baseline is of."""

    def __init__(self, sentence: str, changes: tuple[Change, ...]) -> None:
        super().__init__(sentence)
        self.changes = changes


@dataclass(frozen=True)
class Matched:
    """The cells of a baseline with those of a run."""

    pairs: tuple[Pair, ...]
    changes: tuple[Change, ...]
    extra: tuple[str, ...]
    """What the run has beside the baseline: cells, and seeds of cells."""


def match(baseline: Baseline, records: Iterable[Record]) -> Matched:
    """Return the pairs, and every change that keeps them from being compared."""
    records = latest(records)
    held, found = _by_address(baseline.cells), _by_address(cells_of(records))
    pairs: list[Pair] = []
    changes: list[Change] = []
    for address, cells in held.items():
        there = found.pop(address, [])
        if not there:
            gone = ("the cell", "measured", "missing", True)
            changes += [Change(cell.title, *gone) for cell in cells]
            continue
        closest = [min(there, key=lambda now: len(_differences(cell, now))) for cell in cells]
        pairs += zip(cells, closest, strict=True)
        changes += [c for pair in zip(cells, closest, strict=True) for c in _differences(*pair)]
        if len(there) > len(cells):
            names = " and ".join(repr(cell.method.identity) for cell in there)
            was, now = f"{len(cells)} thing", f"{len(there)} ({names}: take a new folder)"
            changes.append(Change(cells[0].title, "what the names stand for", was, now))
    if not changes:
        changes += _of_artefacts(baseline, records)
    further = [cell.title for cells in found.values() for cell in cells]
    return Matched(tuple(pairs), tuple(changes), (*further, *_further_seeds(pairs)))


def refuse(changes: tuple[Change, ...]) -> NoReturn:
    """Raise Incomparable with one sentence on at least one change."""
    cells: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        cells[change.sentence].append(change.cell)
    told = [f"{text}{_places(names)}" for text, names in cells.items()]
    more = f"; and {len(told) - SHOWN} more changes" if len(told) > SHOWN else ""
    step = "run what the baseline was made of"
    if all(change.lacking for change in changes):
        step = "finish the run (`bench run` anew, with `--retry-failed` if units have failed)"
    raise Incomparable(
        f"The run cannot be compared with the baseline, as {'; '.join(told[:SHOWN])}{more}: "
        f"{step}, or make a new baseline with `bench baseline`, in a change of its own.",
        changes,
    )


def _places(cells: list[str]) -> str:
    """Return the number of cells and the first names; "" for what is no matter of a cell."""
    named = [cell for cell in cells if cell]
    if not named:
        return ""
    more = ", ..." if len(named) > SHOWN else ""
    count = f"{len(named)} {'cell' if len(named) == 1 else 'cells'}"
    return f" ({count}: {', '.join(named[:SHOWN])}{more})"


def _by_address(cells: Iterable[Held]) -> dict[object, list[Held]]:
    found: dict[object, list[Held]] = defaultdict(list)
    for cell in cells:
        found[cell.address].append(cell)
    return found


def _differences(was: Held, now: Held) -> list[Change]:
    """Return what tells two cells of the same names apart, besides their values."""
    facts: list[tuple[str, str, str]] = []
    for kind in ("method", "protocol", "student"):
        one, other = getattr(was, kind), getattr(now, kind)
        facts.append((kind, repr(one.identity), repr(other.identity)))
        origins = one.origin or "built in", other.origin or "built in"
        facts.append((f"the origin of {kind} {one.label}", *origins))
    facts += [
        ("randomness of the method", _yes(was.stochastic), _yes(now.stochastic)),
        ("train revision", was.train_revision, now.train_revision),
        ("test revision", was.test_revision, now.test_revision),
    ]
    facts += [
        (
            f"{name} on the card",
            str(was.card.get(name, "absent")),
            str(now.card.get(name, "absent")),
        )
        for name in sorted({*was.card, *now.card})
    ]
    found = [Change(was.title, *fact) for fact in facts if fact[1] != fact[2]]
    missing = sorted(was.by_seed.keys() - now.by_seed.keys(), key=str)
    if missing:
        without = ", ".join(str(s) if r is None else f"({s}, {r})" for s, r in missing)
        found.append(Change(was.title, "the set of seeds", "whole", f"without {without}", True))
    return found


def _of_artefacts(baseline: Baseline, records: list[Record]) -> Iterator[Change]:
    """Yield the kinds of shared artefacts, such as teachers, that are other ones than they were.

    A kind that only one side has is a matter of how warm a cache was.
    """
    was, now = _by_class(baseline.artefacts), _by_class(artefacts_of(records, baseline.cells))
    for name in sorted(was.keys() & now.keys()):
        if was[name] != now[name]:
            gone, new = sorted(was[name] - now[name]), sorted(now[name] - was[name])
            yield Change("", f"artefact {name}", ", ".join(gone) or "-", ", ".join(new) or "-")


def _by_class(identities: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for identity in identities:
        found[re.split(r"[@+]", identity, maxsplit=1)[0]].add(identity)
    return found


def _further_seeds(pairs: Iterable[Pair]) -> Iterator[str]:
    for was, now in pairs:
        if more := len(now.by_seed.keys() - was.by_seed.keys()):
            yield f"{was.title}: {more} further {'seed' if more == 1 else 'seeds'}"


def _yes(stochastic: bool) -> str:
    return "yes" if stochastic else "no"
