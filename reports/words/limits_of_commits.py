"""Which methods of one column were made or scored by other code than the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bench.records import Record
from reports.words.counting import counted
from reports.words.sentences import Sentence, joined_sentences, listed

if TYPE_CHECKING:
    from reports.material import Material

MOST = 3
"""Groups of methods that are named."""

Method = tuple[str, str]
"""Identity and origin."""
Commits = frozenset[str]


def of_commits(material: Material) -> Iterator[Sentence]:
    """Yield that records come from several commits, and whose in one column differ by them."""
    records = material.evidence.records
    several = {one.provenance.commit for one in records if one.provenance.commit}
    if len(several) < 2:
        return
    start = f"The records come from {len(several)} commits of the code"
    tail = ": what differs between these need not be the method."
    yield (start, *_groups(material, _by_method(_columns(records))), tail)


def _columns(records: tuple[Record, ...]) -> list[dict[Method, Commits]]:
    """Return for every column the commits that distilled or scored what a method has there."""
    made: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for one in records:
        if one.kind == "distillation":
            made[one.distilled, _method(one)].add(one.provenance.commit)
    columns: dict[tuple[object, ...], dict[Method, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for one in records:
        if one.protocol is None or one.ipc is None:
            continue
        protocol = one.protocol.identity, one.protocol.origin
        student = (one.student.identity, one.student.origin) if one.student else None
        found = columns[one.data, one.ipc, *protocol, student][_method(one)]
        found |= {one.provenance.commit, *made[one.distilled, _method(one)]}
    return [
        {method: frozenset(commits - {""}) for method, commits in column.items()}
        for column in columns.values()
    ]


def _by_method(columns: list[dict[Method, Commits]]) -> dict[Method, Commits]:
    """Return the commits of the methods in columns that have methods of different ones.

    Without those that all methods of a column have, where that leaves each of them any.
    """
    found: dict[Method, Commits] = defaultdict(frozenset)
    for column in columns:
        if len(set(column.values())) > 1:
            common = frozenset.intersection(*column.values())
            own = {method: commits - common for method, commits in column.items()}
            for method, commits in (own if all(own.values()) else column).items():
                found[method] |= commits
    return found


def _groups(material: Material, commits: Mapping[Method, Commits]) -> Sentence:
    """Return in brackets which methods are of which commits, the largest group last."""
    rows = (row for board in material.boards for row in board.rows)
    called = {(row.name.identity, row.name.origin): row.method for row in rows}
    groups: dict[Commits, set[str]] = defaultdict(set)
    for method, own in commits.items():
        groups[own].add(called.get(method, method[0]))
    if len(groups) < 2:
        return (", also within one comparison",) if groups else ()
    ordered = sorted(groups, key=lambda own: (len(groups[own]), sorted(own)))
    parts: list[Sentence] = [
        (*listed(sorted(groups[own])), *_at(own)) for own in ordered[:-1][:MOST]
    ]
    if more := len(ordered) - 1 - len(parts):
        parts.append((f"{counted(more, 'more group')}",))
    last = (*joined_sentences(parts, ", ", ", "), ", the others", *_at(ordered[-1]))
    return (", and methods of one comparison from different ones (", *last, ")")


def _at(commits: Commits) -> Sentence:
    names = [commit[:8] for commit in sorted(commits)]
    return (" from ", *listed(names)) if names else (" from none",)


def _method(record: Record) -> Method:
    return record.method.identity, record.method.origin
