"""The fields of a protocol in words: how students were trained.

A literal table says which field has which words; a field that is not in it is not mentioned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.records import Record
from reports.words.sentences import Code, Sentence, joined_sentences

NUMBERS: dict[str, str] = {
    "lr": "learning rate {}",
    "weight_decay": "weight decay {}",
    "batch": "batches of {} images",
    "epochs": "{} epochs",
    "resolution": "images of {} pixels per side",
    "jitter": "colour jitter of {}",
    "mix_probability": "images mixed in a share of {} of the batches",
}
"""Field to its words, where it is a number."""

WORDS: dict[str, dict[str, str]] = {
    "optimizer": {"sgd": "SGD with momentum", "adamw": "AdamW"},
    "schedule": {
        "multistep": "a learning rate that falls in steps",
        "half-cosine": "a learning rate that falls along half a cosine",
        "cosine": "a learning rate that falls along a cosine",
    },
    "mix": {"cutmix": "CutMix", "mixup": "mixup"},
    "norm": {
        "instance": "instance norm",
        "batch": "batch norm",
        "native": "the norm that a network comes with",
    },
}
"""Field to the words of its values."""

ORDER = (
    *("optimizer", "lr", "weight_decay", "schedule", "batch", "epochs", "resolution", "norm"),
    *("crop_scale", "jitter", "mix", "mix_probability"),
)
LABELS = {
    "fresh": "asked anew in every update",
    "stored": "asked once, stored and replayed to every student",
}
OFF: dict[str, Any] = {"jitter": 0.0, "mix_probability": 1.0, "mix": "none"}
"""Values that say that something is not done, or nothing."""
MOST = 4
"""Numbers that are listed; more are a range."""


def recipe(records: Sequence[Record]) -> Iterator[Sentence]:
    """Yield a phrase a field, of evaluations under one protocol."""
    for field in ORDER:
        found = [value for value in values(records, field) if value != OFF.get(field)]
        if not found:
            continue
        if field == "crop_scale":
            yield from _crops(found)
        elif field in NUMBERS:
            before, after = NUMBERS[field].split("{}")
            yield (before, *numbers(found), after)
        else:
            yield joined_sentences([_word(field, value) for value in found], ", ", " or ")


def teaching(records: Sequence[Record]) -> Sentence:
    """Return whose answers students learned, and how; () for labels of the set itself."""
    teachers = known(record.facts.get("teacher") for record in records)
    if not teachers:
        return ()
    said: list[str | Code] = ["labels are the answers of ", *numbers(teachers)]
    if temperatures := values(records, "temperature"):
        said += [" at temperature ", *numbers(temperatures)]
    for way in values(records, "labels"):
        said += [", ", LABELS[way] if way in LABELS else Code(str(way))]
    return tuple(said)


def values(records: Iterable[Record], field: str) -> list[Any]:
    """Return the values that a field of the protocol has, each once, in order."""
    found = []
    for record in records:
        fields = record.protocol.fields if record.protocol else {}
        found.append(_used(record, field, fields))
    return known(found)


def known(found: Iterable[Any]) -> list[Any]:
    """Return what is there, each once: numbers by size, before texts."""
    once = {str(value): value for value in found if value is not None and value != ""}
    return sorted(once.values(), key=lambda v: (not _is_number(v), v if _is_number(v) else str(v)))


def numbers(found: Sequence[Any], last: str = " or ") -> Sentence:
    """Return "a", "a, b or c", or of many "a to z"; what is no number is a name."""
    if len(found) > MOST and all(map(_is_number, found)):
        return (f"{_digits(found[0])} to {_digits(found[-1])}",)
    parts: list[Sentence] = [(_digits(v) if _is_number(v) else Code(str(v)),) for v in found]
    return joined_sentences(parts, ", ", last)


def _digits(number: float) -> str:
    """Return a number without trailing zeros; whole ones with all their digits."""
    whole = isinstance(number, int) or number.is_integer()
    return str(int(number)) if whole else f"{number:g}"


def _used(record: Record, field: str, fields: Mapping[str, Any]) -> Any:
    """Return a field as it was run; the norm is that of the student, where it says so."""
    return record.facts.get("norm", fields.get("norm")) if field == "norm" else fields.get(field)


def _word(field: str, value: Any) -> Sentence:
    words = WORDS[field].get(str(value))
    return (words,) if words else (f"{field} ", Code(str(value)))


def _crops(found: Iterable[Any]) -> Iterator[Sentence]:
    """Yield the share of the area that random crops cover; nothing where they cover all."""
    for value in found:
        if isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value)):
            low, high = value
            if (low, high) != (1, 1):
                yield (f"random crops of {100 * low:g} to {100 * high:g}% of the area",)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
