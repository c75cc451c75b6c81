"""What is said of correlations over methods that choose real images and that make new ones."""

from __future__ import annotations

from leaderboards.figures.families import Within
from leaderboards.figures.relations import Relation
from reports.words.counting import chained, interval, verb
from reports.words.sentences import Sentence

KINDS = "methods that choose real images with methods that make new ones"


def ends(relation: Relation) -> str:
    """Return a rank correlation with its interval."""
    return f"{relation.rho:.2f}{interval(relation.low, relation.high, 2)}"


def of_kinds(relation: Relation) -> str:
    """Return the correlations of the kinds in brackets; "" where there is one kind alone."""
    kinds = [_kind(one, " real images" if one.copies else " new ones") for one in relation.within]
    return f" ({chained(kinds)})" if kinds else ""


def contrast(relation: Relation, where: Sentence) -> Sentence:
    """Return that the kinds differ, and what there is of a direction within each."""
    kinds = chained([_kind(one, "") for one in relation.within])
    return (
        f" contrasts {KINDS}, and no one direction holds within both: on ",
        *where,
        f", its rank correlation with accuracy is {ends(relation)} over all {relation.n} "
        f"methods ({kinds})",
    )


def contrasts(scores: int) -> str:
    """Return the same of several relations, of one score or more."""
    go = verb(scores, "goes", "go")
    return f" {go} with accuracy in a contrast of {KINDS}: no one direction holds within both"


def _kind(one: Within, what: str) -> str:
    rho = "none" if one.rho is None else f"{one.rho:.2f}"
    return f"{rho} over the {one.n} that {'choose' if one.copies else 'make'}{what}"
