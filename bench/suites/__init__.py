"""Suites: requests kept as files, with the command line's own keys.

A suite is a TOML file, by name (those beside this file) or by path; `plan.json`, which every run
writes, is one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import UsageError, unknown_name
from bench.request import RunSpec

FOLDER = Path(__file__).parent
ADDED = ("settings", "plugins")


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

        Settings and plugins add to those of the file.
        """
        keys = {**self.keys, **given}
        for name in ADDED:
            if name in self.keys and name in given:
                keys[name] = [*self.keys[name], *given[name]]
        try:
            return msgspec.convert(keys, RunSpec)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, UsageError):
                raise error.__cause__ from None
            named = f"The request of {self.name!r}" if self.name else "The request"
            raise UsageError(f"{named} cannot be read: {error}.") from error


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
