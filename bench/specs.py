"""Specs: frozen dataclasses of plain values that are asked for, compared and named as text.

A request reads `name[field=value,field=value]`; brackets nest, `a|b|c` sweeps, and a short key may
mean a field of a nested spec. A field whose metadata has `choices`, a function that returns specs
by name, takes such a request as its value. The identity of a spec is its name, its revision and the
fields that differ from the class defaults, so that a new field with a default changes no identity.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from bench.errors import UsageError, unknown_name

S = TypeVar("S")
Plain = None | bool | int | float | str | list[Any] | dict[str, Any]

_PAIRS = {"[": "]", "(": ")", "{": "}"}


@dataclass(frozen=True)
class Request:
    """What a user wrote for one spec: `alias=name[key=value,...]`, still as text."""

    name: str
    fields: tuple[tuple[str, str], ...] = ()
    alias: str | None = None


def split_outside(text: str, separator: str) -> list[str]:
    """Split at a separator outside brackets, parentheses and braces; parts are stripped.

    Raises UsageError if these do not pair up.
    """
    parts, open_pairs, current = [], [], ""
    for character in text:
        if character in _PAIRS:
            open_pairs.append(_PAIRS[character])
        elif character in _PAIRS.values():
            if not open_pairs or open_pairs.pop() != character:
                raise UsageError(f"Brackets must pair up, got {text!r}: look at {character!r}.")
        if character == separator and not open_pairs:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    if open_pairs:
        raise UsageError(f"Brackets must pair up, got {text!r}: {open_pairs[-1]!r} is missing.")
    return [*parts, current.strip()]


def parse(text: str) -> Request:
    """Read one request; UsageError if it is not of the form `name[key=value,...]`."""
    split_outside(text, ",")  # brackets must pair up
    head, bracket, rest = text.strip().partition("[")
    alias, equals, name = head.partition("=")
    if not equals or head.startswith("folder:"):  # a path may hold "="
        alias, equals, name = "", "", head
    if not name.strip() or (bracket and not rest.endswith("]")) or (equals and not alias.strip()):
        raise UsageError(f"Expected `name` or `name[field=value,...]`, got {text!r}.")
    fields = []
    for part in split_outside(rest[:-1], ",") if bracket else []:
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UsageError(f"Expected `field=value` in {text!r}, got {part!r}.")
        fields.append((key.strip(), value.strip()))
    return Request(name.strip(), tuple(fields), alias.strip() or None)


def sweep(request: Request) -> list[Request]:
    """Return one request for every combination of values separated by `|`, at any depth."""
    choices = [[(key, value) for value in _alternatives(text)] for key, text in request.fields]
    return [dataclasses.replace(request, fields=combo) for combo in itertools.product(*choices)]


def _alternatives(text: str) -> Iterator[str]:
    """Yield the values that a value stands for, those within its brackets too."""
    for value in split_outside(text, "|"):
        name, bracket, _ = value.partition("[")
        if name and bracket and value.endswith("]") and "|" in value:
            for nested in sweep(parse(value)):
                inner = ",".join(f"{key}={one}" for key, one in nested.fields)
                yield f"{name}[{inner}]"
        else:
            yield value


def override(spec: S, fields: Mapping[str, str], name: str) -> S:
    """Return the spec with fields replaced by values given as text.

    `name` is used in messages. Raises UsageError for an unknown or ambiguous key, or for a value
    of the wrong type or range.
    """
    for key, text in fields.items():
        spec = _replaced(spec, _path_of(spec, key, name), text, f"{name}[{key}]")
    return spec


def has_field(spec: Any, key: str) -> bool:
    """Say whether a key names a field of the spec or of a spec nested in it."""
    return bool(_paths(spec, key))


def _paths(spec: Any, key: str) -> list[tuple[str, ...]]:
    """Return where a key such as `steps` or `sampling.steps` leads; own fields hide deeper ones."""
    own = [field.name for field in dataclasses.fields(spec)]
    first, dot, rest = key.partition(".")
    if first in own:
        value = getattr(spec, first)
        inner = _paths(value, rest) if dot and dataclasses.is_dataclass(value) else []
        return [(first, *path) for path in inner] if dot else [(key,)]
    nested = [name for name in own if dataclasses.is_dataclass(getattr(spec, name))]
    return [(name, *path) for name in nested for path in _paths(getattr(spec, name), key)]


def _leaves(spec: Any) -> list[str]:
    """Return the names of all fields that take a value, those of specs within the spec too."""
    values = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    return [
        leaf
        for name, value in values.items()
        for leaf in (_leaves(value) if dataclasses.is_dataclass(value) else [name])
    ]


def _path_of(spec: Any, key: str, name: str) -> tuple[str, ...]:
    paths = _paths(spec, key)
    if not paths:
        raise unknown_name("field", key, _leaves(spec), of=name)
    if len(paths) > 1:
        places = " or ".join(".".join(path) for path in paths)
        raise UsageError(f"`{key}` is ambiguous in {name!r}: write {places}.")
    return paths[0]


def _replaced(spec: S, path: tuple[str, ...], text: str, name: str) -> S:
    first, *rest = path
    if rest:
        value: Any = _replaced(getattr(spec, first), tuple(rest), text, name)
    elif choices := _choices(spec, first):
        value = _chosen(text, choices(), name)
    else:
        value = _convert(text, typing.get_type_hints(type(spec))[first], name)
    try:
        return dataclasses.replace(spec, **{first: value})  # type: ignore[type-var]
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error


def _choices(spec: Any, field: str) -> Callable[[], Mapping[str, Any]] | None:
    """Return what gives the specs that a field can be, by name; None for a plain value."""
    found: Callable[[], Mapping[str, Any]] | None = next(
        f.metadata.get("choices") for f in dataclasses.fields(spec) if f.name == field
    )
    return found


def _chosen(text: str, choices: Mapping[str, Any], name: str) -> Any:
    """Turn `name[field=value,...]` into one of the choices with these fields; "none" into None."""
    request = parse(text)
    if request.alias is not None:
        raise UsageError(f"`{name}` expects `name[field=value,...]`, got {text!r}.")
    if request.name == "none" and "none" not in choices:
        choices = {**choices, "none": None}
    if request.name not in choices:
        raise unknown_name("value", request.name, choices, of=name)
    chosen = choices[request.name]
    if chosen is None and request.fields:
        raise UsageError(f"{request.name!r} of `{name}` has no fields, got {text!r}.")
    return chosen if chosen is None else override(chosen, dict(request.fields), request.name)


def _convert(text: str, hint: Any, name: str) -> Any:
    """Turn text into a value of a plain type, strictly where the type is str or Literal."""
    options = typing.get_args(hint)
    named = {choice for option in options for choice in typing.get_args(option)}
    if type(None) in options and text.lower() == "none" and "none" not in named:
        return None
    value: Any = text
    if any(typing.get_origin(option) is tuple for option in (hint, *options)):
        value = split_outside(text.strip("()"), ",") if text.strip("()") else []
    try:
        converted = msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"`{name}` must be {_in_words(hint)}, got {text!r}.") from error
    if isinstance(converted, float) and not math.isfinite(converted):
        raise UsageError(f"`{name}` must be a finite number, got {text!r}.")
    return converted


def _in_words(hint: Any) -> str:
    """Describe a plain type for a message."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(arg) for arg in args)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if arg is type(None) else _in_words(arg) for arg in args)
    if origin is tuple:
        inner = ", ".join(_in_words(arg) for arg in args if arg is not Ellipsis)
        return f"a list ({inner}{', ...' if Ellipsis in args else ''})"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return words.get(hint, str(hint))


def plain(spec: Any) -> dict[str, Plain]:
    """Return all fields as plain values, nested specs as dictionaries."""
    fields: dict[str, Plain] = msgspec.to_builtins(spec)
    return fields


def identity(name: str, spec: Any) -> str:
    """Return the readable identity, such as `hard/minimax+epochs=300,resolution=32`.

    Fields whose metadata says `identity: False` (paths) stay out; whatever they lead to must enter
    by a revision of its contents. A revision above 1 follows the name: `kmeans@2`.
    """
    revision = getattr(spec, "revision", 1)
    return _with_fields(name if revision == 1 else f"{name}@{revision}", _changes(spec))


def label(name: str, spec: Any, preset: Any) -> str:
    """Return the name with the fields that differ from the preset of that name, for people."""
    return _with_fields(name, _changes(spec, preset))


def changes(spec: Any) -> list[str]:
    """Return `field=value` of all fields that differ from the class defaults, as identities do."""
    return _changes(spec)


def _with_fields(name: str, changes: list[str]) -> str:
    return f"{name}+{','.join(sorted(changes))}" if changes else name


def _changes(spec: Any, reference: Any = None) -> list[str]:
    """List `field=value` for all fields that differ from the reference or the class defaults."""
    changes = []
    for field in _identity_fields(spec):
        value = getattr(spec, field.name)
        base = _default(field) if reference is None else getattr(reference, field.name)
        nested = dataclasses.is_dataclass(value)
        same = type(value) is type(base) and value == base
        if nested and (not same or getattr(value, "revision", 1) != 1):
            changes.append(f"{field.name}{_nested(value, base, field)}")
        elif not same:
            changes.append(f"{field.name}={_text(value)}")
    return changes


def _nested(value: Any, base: Any, field: dataclasses.Field[Any]) -> str:
    """Return a nested spec in brackets, with its name and revision where they say something."""
    alike = type(value) is type(base)
    revision = getattr(value, "revision", 1)
    kind = "" if alike else f"={choice_name(field, value)}"
    version = "" if revision == 1 else f"@{revision}"
    inner = ",".join(sorted(_changes(value, base if alike else None)))
    bare = not inner and not alike and "choices" in field.metadata
    return f"{kind}{version}" + ("" if bare else f"[{inner}]")


def choice_name(field: dataclasses.Field[Any], value: Any) -> str:
    """Return what a nested spec is called: the field's choice of its type, or else the type."""
    choices = field.metadata.get("choices", dict)()
    names = (name for name, choice in choices.items() if type(choice) is type(value))
    return next(names, type(value).__name__)


def _identity_fields(spec: Any) -> Iterator[dataclasses.Field[Any]]:
    return (f for f in dataclasses.fields(spec) if f.metadata.get("identity", True))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return None if field.default_factory is dataclasses.MISSING else field.default_factory()


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({','.join(_text(part) for part in value)})"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
