"""Controls: methods that a protocol is never run without, unless a request says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from bench.registry import Registry
    from bench.request import RunSpec


def control_parts(parts: Iterable[RunSpec], registry: Registry) -> tuple[RunSpec, ...]:
    """Return a further part for every part of which a protocol asks for controls that it lacks.

    It holds these methods alone, the protocols that ask for them, and the sets, sizes, students and
    seeds of that part. A protocol asks for methods by name in the class attribute `controls`.
    UsageError for unknown names.
    """
    found = (_of_one(part, registry) for part in parts)
    return tuple(part for part in found if part is not None)


def in_words(part: RunSpec) -> str:
    """Return in words what a part of controls adds."""
    methods = " and ".join(f"`{name}`" for name in part.methods)
    verb = "is added as the control" if len(part.methods) == 1 else "are added as the controls"
    return f"{methods} {verb} of {' and '.join(part.protocols)}; `--no-control` leaves it out."


def _of_one(part: RunSpec, registry: Registry) -> RunSpec | None:
    asked = {text: _controls(text, registry) for text in part.protocols}
    # An alias is no sign of what it stands for.
    there = {named.kind or named.name for text in part.methods for named in registry.method(text)}
    missing = tuple(
        dict.fromkeys(name for names in asked.values() for name in names if name not in there)
    )
    if not missing:
        return None
    return msgspec.structs.replace(
        part,
        methods=missing,
        protocols=tuple(text for text, names in asked.items() if {*names} & {*missing}),
    )


def _controls(text: str, registry: Registry) -> tuple[str, ...]:
    """Return the controls that a request for protocols asks for."""
    names = (name for one in registry.protocol(text) for name in getattr(one.asked, "controls", ()))
    return tuple(dict.fromkeys(names))
