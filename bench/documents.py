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
from typing import Any

from bench import specs

MOST_CHANGED = 5
"""Changed fields that fit on a line."""


@dataclass(frozen=True)
class FieldDocument:
    """One field of a spec, for people."""

    name: str
    type: str
    default: str
    text: str


def summary(spec: Any) -> str:
    """Return one line: the first of the docstring, or what a preset changes of its class."""
    changed = [
        f"{field.name}={getattr(spec, field.name)}"
        for field in dataclasses.fields(spec)
        if field.default is not dataclasses.MISSING and getattr(spec, field.name) != field.default
    ]
    changed += [_inner(change) for change in specs.changes(spec) if "[" in change]
    if not changed:
        return (inspect.getdoc(type(spec)) or "").partition("\n")[0]
    return ", ".join(changed[:MOST_CHANGED]) + (", ..." if len(changed) > MOST_CHANGED else "")


def _inner(change: str) -> str:
    """Return what is changed within a spec of the spec, without that one's own name."""
    name, _, inner = change.partition("[")
    return change if "=" in name else inner.removesuffix("]").replace(",", ", ")


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
