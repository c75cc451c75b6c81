"""A paragraph for the methods section of a paper: how students were trained and scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bench.records import Record
from bench.scores import SCORES
from leaderboards.headings import natural
from reports.citations.citing import head
from reports.citations.sources import keys_of
from reports.words import run_words
from reports.words.citable import Cite, Words, as_latex, as_text, joined
from reports.words.recipes import known, numbers, recipe, teaching, values
from reports.words.sentences import Code, Sentence, listed

if TYPE_CHECKING:
    from bench.records import Described
    from reports.material import Material


def paragraphs(material: Material) -> tuple[Sentence, ...]:
    """Return one paragraph per protocol, then data, seeds and tests."""
    return tuple(map(as_text, _paragraphs(material)))


def latex(material: Material) -> str:
    """Return the same as LaTeX, with citations."""
    return "\n\n".join(map(as_latex, _paragraphs(material))) + "\n"


def _paragraphs(material: Material) -> Iterator[Words]:
    records = material.evidence.records
    if not records:
        return
    for protocol, under in _by_protocol(records):
        students = [record for record in under if record.student]
        yield _trained(protocol, students) if students else _measured(protocol, under)
    yield run_words.data(records, material.selection)
    yield run_words.seeds(records)
    yield run_words.tests(material.boards)
    yield run_words.software(records)


def _by_protocol(records: Iterable[Record]) -> list[tuple[Described, list[Record]]]:
    """Return the evaluations under each protocol, by its label."""
    found: dict[tuple[str, str, str], list[tuple[Described, Record]]] = defaultdict(list)
    for record in records:
        if (protocol := record.protocol) is not None:
            key = (protocol.label, head(protocol), protocol.origin)
            found[key].append((protocol, record))
    groups = (found[key] for key in sorted(found, key=lambda key: (natural(key[0]), key)))
    return [(group[0][0], [record for _, record in group]) for group in groups]


def _trained(protocol: Described, records: Sequence[Record]) -> Words:
    students = sorted({r.student.label for r in records if r.student}, key=natural)
    distilled = [record for record in records if record.ipc is not None]
    fields = [_with_papers(phrase) for phrase in recipe(distilled or records)]
    found: list[str | Code | Cite] = ["Students (", *listed(students, len(students))]
    found += [") were trained from scratch under ", *_named(protocol)]
    # A comma too, since a phrase of its own may hold "or".
    last = ", and " if len(fields) > 2 else " and "
    found += [": ", *joined(fields, last), "."] if fields else ["."]
    if taught := teaching(records):
        found += [" Their ", *taught, "."]
    on_all = values((record for record in records if record.ipc is None), "epochs")
    if distilled and on_all and on_all != values(distilled, "epochs"):
        found += [" On all training images they had ", *numbers(on_all), " epochs."]
    return (*found, *_departure(protocol))


def _with_papers(phrase: Sentence) -> Words:
    """Return a phrase, with the papers behind each word that is a thing of its own."""
    found: list[str | Code | Cite] = []
    for part in phrase:
        found.append(part)
        if isinstance(part, str) and (keys := keys_of("part", part.lower())):
            found.append(Cite(keys))
    return tuple(found)


def _named(protocol: Described) -> Words:
    """Return a protocol without the fields that were changed, and its papers."""
    if protocol.origin:
        return Code(protocol.label), " (from ", Code(protocol.origin), ")"
    return Code(protocol.label.partition("+")[0]), Cite(keys_of("protocol", head(protocol)))


def _departure(protocol: Described) -> Words:
    """Return which fields were asked for differently from the published setting."""
    name, plus, fields = protocol.label.partition("+")
    if protocol.origin:
        return ()  # what its author published is not known, and its label says the fields
    if name != head(protocol):  # an alias hides what was changed
        return " In full it is ", Code(protocol.identity), "."
    usual = "published" if keys_of("protocol", name) else "usual"
    return (f" This departs from the {usual} setting in ", Code(fields), ".") if plus else ()


def _measured(protocol: Described, records: Sequence[Record]) -> Words:
    """Return what was computed of the images themselves, and on which features."""
    names = {name for record in records for name in record.scores}
    scores = [name for name in SCORES if name in names] + sorted(names - set(SCORES))
    cards = [card for record in records for card in record.cards.values()]
    networks = [str(name) for name in known(card.get("extractor") for card in cards)]
    found: list[str | Code | Cite] = ["Images were measured without a student under "]
    found += _named(protocol)
    if scores:
        found += [", by ", *joined([_score(name) for name in scores])]
    if networks:
        parts: list[Words] = [(Code(one), Cite(keys_of("extractor", one))) for one in networks]
        found += [", on features of ", *joined(parts)]
    if real := [count for count in known(card.get("real") for card in cards) if count != 0]:
        by = f", depending on the {'score' if any(map(_several_real, records)) else 'set'}"
        found += [", beside ", *numbers(real), f" real images{by if len(real) > 1 else ''}"]
    return (*found, ".", *_departure(protocol))


def _several_real(record: Record) -> bool:
    """Return whether the scores of one set are beside different numbers of real images."""
    return len(known(card.get("real") for card in record.cards.values() if card.get("real"))) > 1


def _score(name: str) -> Words:
    if name not in SCORES:
        return (Code(name),)
    return SCORES[name].title, Cite(keys_of("score", name))
