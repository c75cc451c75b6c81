"""How two specs differ, field by field, and what becomes of the fields that are None."""

from __future__ import annotations

import dataclasses
import itertools
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench import specs
from bench.documents import fields


class Filling(NamedTuple):
    """What becomes of a field that is None; a spec's method `fillings` returns them by name."""

    words: str
    source: str = ""
    """Which published table says so; two tables may say the same."""


class Difference(NamedTuple):
    """A field in which two specs differ, with both values as text."""

    name: str
    left: str
    right: str


def differences(left: Any, right: Any) -> list[Difference]:
    """Return the fields in which two specs differ as they are; nested ones have dotted names.

    A field that is None in both differs where other words say what fills it.
    """
    sides = dict(_values(left)), dict(_values(right))
    found = []
    if type(left) is not type(right):
        found = [Difference("class", type(left).__name__, type(right).__name__)]
    for name in dict.fromkeys(itertools.chain(*sides)):
        one, other = (side.get(name, Filling("no such field")) for side in sides)
        if one.words != other.words:
            found.append(Difference(name, _sourced(one), _sourced(other)))
    return found


def comparison(names: tuple[str, str], sides: tuple[Any, Any], width: int = 40) -> str:
    """Return the differing fields of two specs side by side; a column is `width` wide at most."""
    rows = differences(*sides)
    if not rows:
        return f"{names[0]} and {names[1]} are equal in every field."
    first = max(len(row.name) for row in rows)
    lines = []
    for row in (Difference("", *names), *rows):
        cells = ([row.name], *(textwrap.wrap(cell, width) for cell in row[1:]))
        for name, left, right in itertools.zip_longest(*cells, fillvalue=""):
            lines.append(f"{name:<{first}}  {left:<{width}}  {right}".rstrip())
    return "\n".join(lines)


def field_table(spec: Any, reference: Any) -> str:
    """Return every field as a row of Markdown; values that differ from the reference are bold."""
    other = {difference.name for difference in differences(spec, reference)}
    texts = {field.name: field.text for field in fields(spec)}
    rows = ["| field | value | meaning |", "|---|---|---|"]
    for name, value in _values(spec):
        shown = f"**{_sourced(value)}**" if name in other else _sourced(value)
        cells = (f"`{name}`", shown, texts.get(name, ""))
        rows.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(rows)


def _values(spec: Any, prefix: str = "") -> Iterator[tuple[str, Filling]]:
    """Yield the dotted name of every field with its value, or with what fills it."""
    fillings: dict[str, Filling] = spec.fillings() if hasattr(spec, "fillings") else {}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if dataclasses.is_dataclass(value):
            if "choices" in field.metadata:
                yield prefix + field.name, Filling(specs.choice_name(field, value))
            yield from _values(value, f"{prefix}{field.name}.")
        elif field.name in fillings:
            words, source = fillings[field.name]
            yield prefix + field.name, Filling(f"None: {words}", source)
        else:
            yield prefix + field.name, Filling(str(value))


def _sourced(filling: Filling) -> str:
    return f"{filling.words} ({filling.source})" if filling.source else filling.words
