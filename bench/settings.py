"""Settings such as `protocol.epochs=300`: fields for every selected spec that has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench import specs
from bench.errors import UsageError, unknown_name
from bench.named import Named

Found = Mapping[str, Sequence[Named[Any]]]
"""Named specs by kind: "method", "protocol" or "student"."""


Mutable = dict[str, list[Named[Any]]]


def apply(setting: str, found: Mutable) -> None:
    """Apply `target.field=value` in place; the target is a kind, a name or the family of a name."""
    _apply(setting, found, lambda one, fields: one.with_fields(fields))


def apply_default(setting: str, found: Mutable) -> None:
    """Apply `target.field=value` as a suite does for all: short labels leave it out."""
    _apply(setting, found, lambda one, fields: one.with_defaults(fields))


def _apply(
    setting: str, found: Mutable, change: Callable[[Named[Any], Mapping[str, str]], Named[Any]]
) -> None:
    target, key, value = _taken(setting)
    for kind, named in found.items():
        for position, one in enumerate(named):
            if _is_meant(target, kind, one) and specs.has_field(one.asked, key):
                named[position] = change(one, {key: value})


def require(setting: str, found: Found) -> None:
    """Raise UsageError if nothing selected has the field of a setting."""
    target, key, _ = _taken(setting)
    meant = [one for kind in found for one in found[kind] if _is_meant(target, kind, one)]
    if not meant:
        names = {name for kind in found for name in (kind, *(one.name for one in found[kind]))}
        raise unknown_name("target", target, names, of="--set")
    if not any(specs.has_field(one.asked, key) for one in meant):
        raise UsageError(f"`--set {setting}`: nothing selected as {target!r} has a field {key!r}.")


def _taken(setting: str) -> tuple[str, str, str]:
    """Take `target.field=value` apart; UsageError if it is of another form."""
    target, dot, assignment = setting.partition(".")
    key, equals, value = assignment.partition("=")
    if not (dot and equals and key and value):
        raise UsageError(f"`--set` expects `protocol.field=value`, got {setting!r}.")
    return target, key, value


def _is_meant(target: str, kind: str, one: Named[Any]) -> bool:
    return target in (kind, one.name, one.name.split("/")[0])
