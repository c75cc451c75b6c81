"""Which methods made their sets by the very features that scores of the images compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench.records import Record
from bench.scores import SCORES
from reports.words.counting import counted, verb
from reports.words.sentences import Code, Sentence, joined_sentences, listed

if TYPE_CHECKING:
    from leaderboards import Board
    from reports.material import Material

FIELDS = ("features", "encoder")
"""Fields of methods, and of their parts, that name a network of features."""

KEPT = "Embeddings+"
"""How the identity of kept features of all training images begins; `features` is the network."""

SHOWN = 2
"""Scores that are named; the others are counted."""


def of_features(material: Material) -> Iterator[Sentence]:
    """Yield a sentence for every network that sets were both made and scored by."""
    made: dict[str, dict[str, None]] = defaultdict(dict)
    compared: dict[str, set[str]] = defaultdict(set)
    for board in material.boards:
        for network, method, scores in _met(material, board):
            made[network][method] = None
            compared[network] |= scores
    for network, names in sorted(made.items()):
        whose, them = verb(len(names), "its", "their"), verb(len(names), "it", "them")
        yield (
            *(*listed(list(names)), f" chose {whose} images by the features of ", Code(network)),
            *(", which ", *_titles(compared[network])),
            f" {verb(len(compared[network]), 'compares', 'compare')} as well: this can favour ",
            f"{them} over methods that did not see these features.",
        )


def _met(material: Material, board: Board) -> Iterator[tuple[str, str, set[str]]]:
    """Yield (network, method, scores) wherever a method and scores of its sets share a network."""
    if not any(column.group == "images" for column in board.columns):
        return
    for row in board.rows:
        passes = [] if row.reference else material.evidence.passes(board, row)
        scored: dict[str, set[str]] = defaultdict(set)
        for score, card in (one for record in passes for one in record.cards.items()):
            if "extractor" in card:
                scored[str(card["extractor"])].add(score)
        # Of artefacts those of distillation only: a pass keeps features of its own.
        distillations = material.evidence.distillations(board, row) if scored else []
        for network, scores in sorted(scored.items()):
            if _kept(distillations, network) or _asked([*distillations, *passes], network):
                yield network, row.method, scores


def _kept(distillations: Iterable[Record], network: str) -> bool:
    """Return whether features of the real images, by this network, were used to distil."""
    identities = (found for record in distillations for found in record.artefacts.values())
    return any(
        found.startswith(KEPT) and f",features={network}," in f",{found.removeprefix(KEPT)},"
        for found in identities
    )


def _asked(records: Iterable[Record], network: str) -> bool:
    """Return whether a field of a method, or of a part of it, names the network."""
    return any(_names(record.method.fields, network) for record in records)


def _names(fields: Mapping[str, Any], network: str) -> bool:
    return any(
        (name in FIELDS and value == network)
        or (isinstance(value, Mapping) and _names(value, network))
        for name, value in fields.items()
    )


def _titles(scores: set[str]) -> Sentence:
    """Return the first titles, those that rank before the others."""
    order = [name for ranks in (True, False) for name in SCORES if SCORES[name].ranked is ranks]
    known = [name for name in order if name in scores]
    parts: list[Sentence] = [(SCORES[name].title,) for name in known]
    parts += [(Code(name),) for name in sorted(scores.difference(SCORES))]
    shown, more = parts[:SHOWN], len(parts) - SHOWN
    return joined_sentences([*shown, (counted(more, "more score"),)] if more > 0 else shown)
