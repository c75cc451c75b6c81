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
from reports.words.counting import between, counted, share
from reports.words.kinds_of_methods import contrast, contrasts, ends, of_kinds
from reports.words.naming import Naming, title_of
from reports.words.selected import corrected
from reports.words.sentences import Code, Sentence, begun, joined_sentences

if TYPE_CHECKING:
    from reports.material import Material

FEWEST = 8
"""Methods below which nothing is said."""

MOST = 4
"""Scores that are named."""

Way = Literal["as meant", "against", "contrast"]


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
        """Return the score, with its network where that is needed."""
        told: Sentence = (" (", Code(self.network), ")") if self.network else ()
        return (title_of(self.column), *told)

    @property
    def direction(self) -> str:
        """Return the direction that goes with higher accuracy."""
        return "higher " if (self.relations[0].rho or 0.0) > 0 else "lower "


def metric_sentences(material: Material, naming: Naming) -> Iterator[Sentence]:
    """Yield what goes with accuracy as it is meant to, what goes against it, and the others.

    What has no one direction within methods that choose real images and those that make new ones
    is said to be the contrast of the two.
    """
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
    corrected_for = sum(relation.p is not None for relation in material.relations)
    within = corrected(material.selection, corrected_for, "rank correlation")
    for way in ("as meant", "against"):
        if found := [groups[key][way] for key in order if way in groups[key]]:
            yield (*_said(found, way, material, naming), f"{within}.")
    if found := [groups[key]["contrast"] for key in order if "contrast" in groups[key]]:
        yield (*_contrasts(found, material, naming), f"{within}.")
    if silent := [key for key in order if not groups[key]]:
        together = sum(len(several) for several in tested.values())
        yield _silent([columns[key] for key in silent], [tested[key] for key in silent], together)


def _groups(
    key: tuple[str, str], columns: Mapping[tuple[str, str], Column], tested: Sequence[Relation]
) -> dict[Way, _Group]:
    several = sum(other[0] == key[0] for other in columns) > 1
    network, better = key[1] if several else "", columns[key].score.better
    found: dict[Way, list[Relation]] = {"as meant": [], "against": [], "contrast": []}
    for relation in tested:
        if relation.rho and relation.p is not None and relation.p < ALPHA:
            meant = (relation.rho > 0) == (better == "higher")
            way: Way = "as meant" if meant else "against"
            found["contrast" if relation.contrasts else way].append(relation)
    return {
        way: _Group(columns[key], network, tuple(relations), len(tested))
        for way, relations in found.items()
        if relations
    }


def _said(groups: Sequence[_Group], way: Way, material: Material, naming: Naming) -> Sentence:
    meant = "" if way == "as meant" else "against what it is meant for, "
    if len(groups) == 1 and len(groups[0].relations) == 1:
        (group,) = groups
        (relation,) = group.relations
        tail = f" goes with higher accuracy: rank correlation {ends(relation)} over {relation.n} "
        tail += f"methods{of_kinds(relation)} on "
        said = (meant + group.direction, *group.title, tail, *_where(relation, material, naming))
        return begun((*said, _rest(group)))
    parts = [(group.direction, *group.title, f" ({_counts(group)})") for group in groups[:MOST]]
    if len(groups) > MOST:
        parts.append((f"{len(groups) - MOST} more",))
    go = "goes" if len(groups) == 1 else "go"
    methods = between(relation.n for group in groups for relation in group.relations)
    if len(groups) > 1:
        meant = meant.replace("it is", "they are")
    tail = f" {go} with higher accuracy, over {methods} methods"
    return begun((*((meant,) if meant else ()), *joined_sentences(parts), tail))


def _contrasts(groups: Sequence[_Group], material: Material, naming: Naming) -> Sentence:
    """Return that some correlations are those between two kinds of methods."""
    if len(groups) == 1 and len(groups[0].relations) == 1:
        (group,) = groups
        (relation,) = group.relations
        where = _where(relation, material, naming)
        return begun((*group.title, *contrast(relation, where), _rest(group)))
    parts = [(*group.title, f" ({_counts(group)})") for group in groups[:MOST]]
    if len(groups) > MOST:
        parts.append((f"{len(groups) - MOST} more",))
    return begun((*joined_sentences(parts), contrasts(len(groups))))


def _where(relation: Relation, material: Material, naming: Naming) -> Sentence:
    board = material.boards[relation.board]
    return naming.where(board, board.columns[relation.accuracy])


def _rest(group: _Group) -> str:
    others = group.of - len(group.relations)
    return f"; not shown in {counted(others, 'other comparison')}" if others else ""


def _counts(group: _Group) -> str:
    rho = between((relation.rho or 0.0 for relation in group.relations), 2)
    of = f"in {share(len(group.relations), group.of)}, " if group.of > 1 else ""
    found = [kind.rho for relation in group.relations for kind in relation.within]
    known = [one for one in found if one is not None]
    kinds = [between(known, 2)] if known else []
    if None in found:
        kinds.append("none")
    within = f", {' or '.join(kinds)} within either kind of method" if kinds else ""
    return f"{of}rank correlation {rho}{within}"


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
