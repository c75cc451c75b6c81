"""Pages of methods, protocols and students: every field, what differs, sources, BibTeX."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from hook_markdown import cell, code, fence, prose, table

from bench import documents
from bench.backbones import STUDENTS
from bench.comparisons import differences
from methods import METHODS, PRESETS
from protocols import ALIASES, PROTOCOLS
from reports.citations.citing import entry
from reports.citations.sources import keys_of

Kind = Literal["method", "protocol", "student"]
KINDS: dict[Kind, Mapping[str, Any]] = {
    "method": {**METHODS, **PRESETS},
    "protocol": PROTOCOLS,
    "student": STUDENTS,
}


def names() -> dict[str, list[str]]:
    """Return the names that have a page, by folder."""
    return {f"{kind}s": list(known) for kind, known in KINDS.items()}


def pages(docs: Path) -> dict[str, str]:
    """Return the Markdown of every page by its path below `reference/`."""
    return {
        f"{kind}s/{name.replace('/', '-')}.md": _page(kind, name, docs)
        for kind, known in KINDS.items()
        for name in known
    }


def _page(kind: Kind, name: str, docs: Path) -> str:
    spec, base = KINDS[kind][name], _base(kind, name)
    # A spec within the spec that the other one has not says by its name what differs.
    changed = [d for d in differences(spec, KINDS[kind][base]) if "no such field" not in d]
    lines = [f"# {name}", "", prose(inspect.getdoc(type(spec)) or ""), ""]
    lines += [f"`bench list {kind}s {name}` prints the same.", ""]
    lines += _hand_written(kind, name, docs)
    if changed:
        rows = ((code(row.name), cell(row.left), cell(row.right)) for row in changed)
        lines += [f"## Beside `{base}`", "", *table((name, base), rows), ""]
    lines += ["## Fields", "", *(_field_table(spec) or ["None."]), ""]
    lines += ["## Sources in the code", "", *_sources(spec)]
    entries = [entry(key) for key in keys_of(kind, name) or ()]
    if entries:
        lines += ["## To cite", "", *fence("\n\n".join(map(str.strip, entries)), "bibtex")]
    return "\n".join(lines) + "\n"


def _base(kind: Kind, name: str) -> str:
    """Return the name that another one is compared with: the first of its class or family."""
    known = KINDS[kind]
    if kind == "protocol":
        return ALIASES.get(name.partition("/")[0], name)
    return next(other for other, spec in known.items() if type(spec) is type(known[name]))


def _hand_written(kind: Kind, name: str, docs: Path) -> list[str]:
    """Return a link to the page of this name, or of what the name is a setting of."""
    for stem in (name.replace("/", "-"), name.partition("/")[0]):
        if (docs / f"{kind}s" / f"{stem}.md").is_file():
            words = "idea, formula and sources" if kind == "method" else "who uses it, readings"
            return [f"[The page of {stem}](../../{kind}s/{stem}.md) has more: {words}.", ""]
    return []


def _field_table(spec: Any) -> list[str]:
    rows = list(_fields(spec))
    return table(("field", "type", "value", "meaning"), rows, corner=False) if rows else []


def _fields(spec: Any, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield every field as cells; those of a spec within the spec have dotted names."""
    filled = spec.fillings() if hasattr(spec, "fillings") else {}
    for field in documents.fields(spec):
        value = getattr(spec, field.name)
        nested = dataclasses.is_dataclass(value)
        shown = code(type(value).__name__ if nested else field.default)
        if field.name in filled:
            shown = cell(f"None: {filled[field.name].words}")
        yield code(prefix + field.name), code(field.type), shown, cell(field.text)
        if nested:
            yield from _fields(value, f"{prefix}{field.name}.")


def _sources(spec: Any) -> list[str]:
    """Return the headers of the modules that define a spec and the specs within it."""
    found = dict.fromkeys(_headers(spec))
    return [line for header in found for line in fence(header, "text")]


def _headers(spec: Any) -> Iterator[str]:
    yield documents.source(spec)
    for field in dataclasses.fields(spec):
        if dataclasses.is_dataclass(getattr(spec, field.name)):
            yield from _headers(getattr(spec, field.name))
