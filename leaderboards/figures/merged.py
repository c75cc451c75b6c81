"""One method over several boards: which of their rows belong together.

Identities hold fields that follow from the set and the IPC, so that one method has another identity
in every board. Its label and origin are what it was asked for by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leaderboards.headings import Name, short_revision
from leaderboards.table import Board, Row


@dataclass(frozen=True)
class Merged:
    """The rows of one method."""

    method: str
    """Its heading, distinct among all that are returned together."""
    name: Name
    """In the first board that has it."""
    reference: bool
    stochastic: bool
    rows: Mapping[int, Row]
    """By position of the board."""


def merged(boards: Sequence[Board]) -> list[Merged]:
    """Return the methods in the order of the first board, then of the others, references last.

    A label that stands for several rows of one board is no name: there identities tell them apart,
    and headings where a board has two sets of one identity.
    """
    found: dict[_Key, dict[int, Row]] = defaultdict(dict)
    for key, place, row in _named(boards):
        found[key][place] = row
    titles = _titles(found)
    made = [_merged(titles[key], key, rows) for key, rows in found.items()]
    return sorted(made, key=lambda one: one.reference)


def set_names(boards: Sequence[Board]) -> list[str]:
    """Return the name of each board's real set, with its revisions where two share the name."""
    revisions = defaultdict(set)
    for board in boards:
        revisions[board.dataset].add((board.train_revision, board.test_revision))
    return [
        f"{board.dataset} (train {short_revision(board.train_revision)}, "
        f"test {short_revision(board.test_revision)})"
        if len(revisions[board.dataset]) > 1
        else board.dataset
        for board in boards
    ]


class _Key(NamedTuple):
    label: str
    origin: str
    reference: bool
    identity: str = ""
    """Where the label alone is no name."""
    heading: str = ""
    """Where the identity is none either."""


_Entry = tuple[_Key, int, Row]
"""A row with the position of its board."""


def _named(boards: Sequence[Board]) -> list[_Entry]:
    """Return every row with as much of its name as tells it from the others of its board."""
    entries = [
        (_Key(row.name.label, row.name.origin, row.reference), at, row)
        for at, board in enumerate(boards)
        for row in board.rows
    ]
    by_identity = _split(entries, lambda key, row: key._replace(identity=row.name.identity))
    return _split(by_identity, lambda key, row: key._replace(heading=row.method))


def _split(entries: Sequence[_Entry], longer: Callable[[_Key, Row], _Key]) -> list[_Entry]:
    """Return the entries with longer keys where one board has several of a key."""
    counts = Counter((key, at) for key, at, _ in entries)
    many = {key for (key, _), count in counts.items() if count > 1}
    return [(longer(key, row) if key in many else key, at, row) for key, at, row in entries]


def _titles(found: Mapping[_Key, Mapping[int, Row]]) -> dict[_Key, str]:
    """Return the headings that all boards agree on, else labels; then origins where equal."""
    wanted = {}
    for key, rows in found.items():
        texts = sorted({row.method for row in rows.values()}, key=len)
        wanted[key] = texts[-1] if len(texts) == 1 or key.identity else key.label
    taken = Counter((text, key.reference) for key, text in wanted.items())
    return {
        key: f"{text} ({key.origin or 'built in'})" if taken[text, key.reference] > 1 else text
        for key, text in wanted.items()
    }


def _merged(title: str, key: _Key, rows: Mapping[int, Row]) -> Merged:
    first = rows[min(rows)]
    return Merged(
        method=title,
        name=first.name,
        reference=key.reference,
        stochastic=any(row.stochastic for row in rows.values()),
        rows=rows,
    )
