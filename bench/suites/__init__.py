"""Suites: requests kept as files, with the command line's own keys.

A suite is a TOML file, by name (those beside this file) or by path; `plan.json`, which every run
writes, is one too. Tables headed `[[also]]` are further parts of the plan: what they do not name is
that of the whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import UsageError, unknown_name
from bench.request import Part, RunSpec

FOLDER = Path(__file__).parent
ADDED = ("settings", "plugins")
CHOSEN = ("methods", "protocols", "students")
"""Who names one of these elsewhere gets that, without the further parts of the file."""
REPLACED = ("datasets", "ipc", "seeds", "repeats")
"""Given elsewhere, these stand for every part."""


@dataclass(frozen=True)
class Suite:
    """A request read from a file."""

    keys: Mapping[str, Any]
    """The keys of a `RunSpec` that the file gives."""
    sets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Revisions that a replayed plan was made for; empty for a suite."""
    name: str = ""
    """What it was loaded by; "" for a request without a file."""

    def run_spec(self, given: Mapping[str, Any]) -> RunSpec:
        """Return the request, with keys given elsewhere in place of the file's.

        Settings and plugins add to those of the file. Methods, protocols or students given
        elsewhere leave the file's further parts out. UsageError for keys that cannot be read.
        """
        keys = {**self.keys, **given}
        for name in ADDED:
            if name in self.keys and name in given:
                keys[name] = [*self.keys[name], *given[name]]
        if "also" in self.keys:
            keys["also"] = self._also(given)
        try:
            return msgspec.convert(keys, RunSpec)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, UsageError):
                raise error.__cause__ from None
            named = f"The request of {self.name!r}" if self.name else "The request"
            raise UsageError(f"{named} cannot be read: {error}.") from error

    def _also(self, given: Mapping[str, Any]) -> Any:
        """Return the further parts of the file as far as keys given elsewhere leave them."""
        parts = self.keys["also"]
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            return parts  # the conversion says what is wrong
        for key in (key for part in parts for key in part if key not in Part.__struct_fields__):
            close = difflib.get_close_matches(key, Part.__struct_fields__, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ": remove it."
            raise UsageError(f"`{Path(self.name).name}`: `also` has no key {key!r}{hint}")
        if any(name in given for name in CHOSEN):
            return []
        replaced = [name for name in REPLACED if name in given]
        return [{key: part[key] for key in part if key not in replaced} for part in parts]


def names() -> list[str]:
    """Return the names of the suites that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def summary(name: str) -> str:
    """Return the first sentence of the comment that a suite of the project begins with."""
    comment = []
    for line in (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            break
        comment.append(line.removeprefix("# "))
    return " ".join(comment).split(". ")[0].rstrip(".") + "."


def load(text: str) -> Suite:
    """Return a suite by name or file; UsageError if it is unknown or cannot be read."""
    path = Path(text) if text.endswith((".toml", ".json")) else FOLDER / f"{text}.toml"
    if not path.is_file() and Path(text).is_file():
        raise UsageError(f"A suite ends in .toml and a plan in .json, got {text!r}: rename it.")
    if not path.is_file():
        if path.parent == FOLDER:
            raise unknown_name("suite", text, names())
        raise UsageError(f"Expected a suite (.toml) or a plan (.json), {text!r} does not exist.")
    try:
        if path.suffix == ".json":
            plan = msgspec.json.decode(path.read_bytes(), type=_Plan)
            return Suite(plan.run, plan.sets, text)
        keys = msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
        return Suite(keys, name=text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{text!r} cannot be read as a suite or plan: {error}.") from error


class _Plan(msgspec.Struct):
    """The parts of `plan.json` that a replay needs."""

    run: dict[str, Any]
    sets: dict[str, dict[str, str]]
