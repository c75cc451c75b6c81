"""How scores of the images go with accuracy over methods, where that is beyond chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.scores import SCORES
from leaderboards import Column
from leaderboards.figures.relations import Relation
from leaderboards.ranks.separation import ALPHA
from reports.words.counting import between, counted, interval, share
from reports.words.naming import Naming, title_of
from reports.words.sentences import Code, Sentence, begun, joined_sentences

if TYPE_CHECKING:
    from reports.material import Material

FEWEST = 8
"""Methods below which nothing is said."""

MOST = 4
"""Scores that are named."""

Way = Literal["as meant", "against"]


@dataclass(frozen=True)
class _Group:
    """The relations of one score that are beyond chance and have one direction."""

    column: Column
    network: str
    """The features, where the report has several for this score; else ""."""
    relations: tuple[Relation, ...]
    of: int
    """Relations of this score that were tested."""

    @property
    def title(self) -> Sentence:
        """Return the score, with the direction that goes with higher accuracy."""
        rho = self.relations[0].rho or 0.0
        told: Sentence = (" (", Code(self.network), ")") if self.network else ()
        return ("higher " if rho > 0 else "lower ", title_of(self.column), *told)


def metric_sentences(material: Material, naming: Naming) -> Iterator[Sentence]:
    """Yield what goes with accuracy as it is meant to, what goes against it, and the others."""
    tested: dict[tuple[str, str], list[Relation]] = defaultdict(list)
    columns: dict[tuple[str, str], Column] = {}
    for relation in material.relations:
        column = material.boards[relation.board].columns[relation.metric]
        if relation.n >= FEWEST:
            key = column.metric, column.facts.get("extractor", "")
            tested[key].append(relation)
            columns.setdefault(key, column)
    order = sorted(tested, key=lambda key: (not columns[key].score.main, _position(key[0]), key))
    groups = {key: _groups(key, columns, tested[key]) for key in order}
    for way in ("as meant", "against"):
        if found := [groups[key][way] for key in order if way in groups[key]]:
            yield _said(found, way, material, naming)
    if silent := [key for key in order if not groups[key]]:
        together = sum(len(several) for several in tested.values())
        yield _silent([columns[key] for key in silent], [tested[key] for key in silent], together)


def _groups(
    key: tuple[str, str], columns: Mapping[tuple[str, str], Column], tested: Sequence[Relation]
) -> dict[Way, _Group]:
    several = sum(other[0] == key[0] for other in columns) > 1
    network, better = key[1] if several else "", columns[key].score.better
    found: dict[Way, list[Relation]] = {"as meant": [], "against": []}
    for relation in tested:
        if relation.rho and relation.p is not None and relation.p < ALPHA:
            meant = (relation.rho > 0) == (better == "higher")
            found["as meant" if meant else "against"].append(relation)
    return {
        way: _Group(columns[key], network, tuple(relations), len(tested))
        for way, relations in found.items()
        if relations
    }


def _said(groups: Sequence[_Group], way: Way, material: Material, naming: Naming) -> Sentence:
    meant = "" if way == "as meant" else "against what it is meant for, "
    if len(groups) == 1 and len(groups[0].relations) == 1:
        (relation,) = groups[0].relations
        board = material.boards[relation.board]
        where = naming.where(board, board.columns[relation.accuracy])
        rho = f"{relation.rho:.2f}{interval(relation.low, relation.high, 2)}"
        tail = f" goes with higher accuracy: rank correlation {rho} over {relation.n} methods on "
        others = groups[0].of - 1
        rest = f"; not shown in {counted(others, 'other comparison')}." if others else "."
        return begun((*((meant,) if meant else ()), *groups[0].title, tail, *where, rest))
    parts = [(*group.title, f" ({_counts(group)})") for group in groups[:MOST]]
    if len(groups) > MOST:
        parts.append((f"{len(groups) - MOST} more",))
    go = "goes" if len(groups) == 1 else "go"
    methods = between(relation.n for group in groups for relation in group.relations)
    if len(groups) > 1:
        meant = meant.replace("it is", "they are")
    tail = f" {go} with higher accuracy, over {methods} methods."
    return begun((*((meant,) if meant else ()), *joined_sentences(parts), tail))


def _counts(group: _Group) -> str:
    rho = between((relation.rho or 0.0 for relation in group.relations), 2)
    of = f"in {share(len(group.relations), group.of)}, " if group.of > 1 else ""
    return f"{of}rank correlation {rho}"


def _silent(
    columns: Sequence[Column], tested: Sequence[Sequence[Relation]], together: int
) -> Sentence:
    titles = list(dict.fromkeys(map(title_of, columns)))
    parts: list[Sentence] = [(title,) for title in titles[:MOST]]
    if len(titles) > MOST:
        parts.append((f"{len(titles) - MOST} more scores",))
    methods = between(relation.n for several in tested for relation in several)
    of = f"; {together} rank correlations were tested together" if together > 1 else ""
    tail = f": not shown to go with accuracy, over {methods} methods{of}."
    return begun((*joined_sentences(parts), tail))


def _position(metric: str) -> int:
    known = list(SCORES)
    return known.index(metric) if metric in known else len(known)
