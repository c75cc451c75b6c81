"""What a spec says of itself: the words and fields that `bench list` and the docs print."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

MOST_CHANGED = 5
"""Changed fields that fit on a line."""


@dataclass(frozen=True)
class FieldDocument:
    """One field of a spec, for people."""

    name: str
    type: str
    default: str
    text: str


class Filling(NamedTuple):
    """What becomes of a field that is None; the method `filled` of a spec returns them by name."""

    words: str
    source: str = ""
    """Which published table says so; two tables may say the same."""


class Difference(NamedTuple):
    """A field in which two specs differ, with both values as text."""

    name: str
    left: str
    right: str


def summary(spec: Any) -> str:
    """Return one line: the first of the docstring, or what a preset changes of its class."""
    changed = [
        f"{field.name}={getattr(spec, field.name)}"
        for field in dataclasses.fields(spec)
        if field.default is not dataclasses.MISSING and getattr(spec, field.name) != field.default
    ]
    if not changed:
        return (inspect.getdoc(type(spec)) or "").partition("\n")[0]
    return ", ".join(changed[:MOST_CHANGED]) + (", ..." if len(changed) > MOST_CHANGED else "")


def source(spec: Any) -> str:
    """Return the header of the module that defines a spec: paper, reference, differences."""
    return inspect.cleandoc(sys.modules[type(spec).__module__].__doc__ or "")


def fields(spec: Any) -> list[FieldDocument]:
    """Return all fields with the values of this instance as defaults."""
    texts: dict[str, str] = {}
    for cls in reversed(type(spec).__mro__):
        if dataclasses.is_dataclass(cls):
            texts |= _texts_below_fields(cls)
    hints = typing.get_type_hints(type(spec))
    kinds = {f.name: hints[f.name] for f in dataclasses.fields(spec)}
    return [
        FieldDocument(name, _type_text(kind), repr(getattr(spec, name)), texts.get(name, ""))
        for name, kind in kinds.items()
    ]


def page(name: str, spec: Any) -> str:
    """Return everything about a spec as text for a terminal."""
    lines = [name, "", inspect.getdoc(type(spec)) or "", "", "fields:"]
    lines += list(_field_lines(spec, "  ")) or ["  none"]
    return "\n".join([*lines, "", "source:", textwrap.indent(source(spec), "  ")])


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


def comparison(names: tuple[str, str], specs: tuple[Any, Any], width: int = 40) -> str:
    """Return the differing fields of two specs side by side; a column is `width` wide at most."""
    rows = differences(*specs)
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
    fillings: dict[str, Filling] = spec.filled() if hasattr(spec, "filled") else {}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if dataclasses.is_dataclass(value):
            yield from _values(value, f"{prefix}{field.name}.")
        elif field.name in fillings:
            words, source = fillings[field.name]
            yield prefix + field.name, Filling(f"None: {words}", source)
        else:
            yield prefix + field.name, Filling(str(value))


def _sourced(filling: Filling) -> str:
    return f"{filling.words} ({filling.source})" if filling.source else filling.words


def _field_lines(spec: Any, indent: str) -> Iterator[str]:
    """Yield every field with its text; those of a spec within the spec stand below it, indented."""
    deeper = indent + "    "
    for field in fields(spec):
        value = getattr(spec, field.name)
        nested = dataclasses.is_dataclass(value)
        yield f"{indent}{field.name}: {field.type}" + ("" if nested else f" = {field.default}")
        yield from textwrap.wrap(field.text, 98, initial_indent=deeper, subsequent_indent=deeper)
        if nested:
            yield from _field_lines(value, deeper)


def _texts_below_fields(cls: type) -> dict[str, str]:
    """Return the docstring below each annotated field of a class body."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # no source, as for a class made at run time
        return {}
    body = typing.cast("ast.ClassDef", tree.body[0]).body
    found = {}
    for field, below in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = inspect.cleandoc(str(below.value.value)).replace("\n", " ")
    return found


def _type_text(hint: Any) -> str:
    """Return a plain type as Python writes it, with the choices of a Literal spelled out."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " | ".join(repr(choice) for choice in args)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_type_text(arg) for arg in args)
    if origin is tuple:
        return f"tuple[{', '.join('...' if arg is ... else _type_text(arg) for arg in args)}]"
    return "None" if hint is type(None) else getattr(hint, "__name__", str(hint))
