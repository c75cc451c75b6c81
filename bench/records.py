"""Records: what was asked, what came out, and how, one JSON file per smallest unit of work.

A record is written once and never edited. Leaderboards and reports are pure functions of a folder
of records; besides this module they read the table of scores and how versioned files are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from bench.versioned import read_versioned

LARGEST = 1e100
"""Sums of squares of numbers up to this one are finite; larger ones are refused."""
Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]

VERSION = 1
"""Raised whenever a reader of the old form could misread the new one."""


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A method, protocol or student as it was asked for and as it was run."""

    name: str
    label: str
    """Name with the fields that the request changed."""
    identity: str
    """Canonical name, revision and resolved fields that differ from the class defaults."""
    asked: dict[str, Any]
    """Every field as requested; None means as published for this set, IPC and student."""
    fields: dict[str, Any]
    """Every field as run."""
    origin: str = ""
    """A third party's package and version or file hash; "" is this project."""
    remark: str = ""
    """What has to be said beside every result of it; "" if nothing has."""
    short: str = ""
    """The label without what a suite sets for all methods; "" if that leaves nothing out."""


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The real set, by name and content."""

    name: str
    train_split: str
    test_split: str
    train_revision: str
    test_revision: str
    num_classes: int


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How and where a unit was run; the only part that may differ between equal runs."""

    started: str
    """UTC, ISO 8601."""
    seconds: float
    """Wall-clock time of the unit itself, without the artefacts it had to build."""
    artefact_seconds: float
    """Wall-clock time of the artefacts that were built for the first time on its behalf, with that
    of waiting for another process that built them."""
    peak_memory_bytes: int
    """Highest resident memory of the process so far, or memory allocated on the accelerator."""
    device: str
    threads: int
    commit: str
    """Git commit of the project, "" outside a checkout."""
    dirty: bool
    packages: dict[str, str]
    python: str
    platform: str
    command: str = ""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One distillation, one student or one metric pass that succeeded."""

    version: int = VERSION
    kind: Literal["distillation", "evaluation"]
    key: str
    """Hash of the request; the file's name."""
    data: Data
    method: Described
    ipc: Annotated[int, msgspec.Meta(ge=1)] | None
    """Images per class; None for a method whose set has one size, such as `full`."""
    seed: int
    """Distillation seed of the distilled set."""
    stochastic: bool
    """False: the method has no randomness, so sets of other seeds would be the same one."""
    protocol: Described | None = None
    student: Described | None = None
    student_seed: tuple[int, int] | None = None
    """(s, r): what initialisation, order and augmentation of the student follow from."""
    distilled: str
    """Revision (content hash) of the distilled set."""
    scores: dict[str, Number] = {}
    series: dict[str, list[Number]] = {}
    per_class: dict[str, list[Number | None]] = {}
    """None for a class without test images."""
    facts: dict[str, str | int | float] = {}
    cards: dict[str, dict[str, str | int | float]] = {}
    """Score name to what has to be said beside it."""
    files: dict[str, str] = {}
    """Attachments, relative to the run's folder."""
    traces: dict[str, list[Number]] = {}
    artefacts: dict[str, str] = {}
    """Key to identity of the artefacts that were used."""
    provenance: Provenance


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One attempt at a unit that did not succeed; kept apart from the records."""

    version: int = VERSION
    key: str
    unit: str
    """The unit in words."""
    attempt: int
    error: str
    message: str
    traceback: str
    provenance: Provenance


Kept = TypeVar("Kept", Record, Failure)


def encode(value: msgspec.Struct) -> bytes:
    """Return stable, indented JSON with sorted keys; numbers must be finite."""
    raw = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(raw, indent=1) + b"\n"


def read_record(path: Path) -> Record:
    """Return one record; BenchError if the file is broken or of a newer version."""
    return _read(path, Record)


def read_failure(path: Path) -> Failure:
    """Return one failure; BenchError if the file is broken or of a newer version."""
    return _read(path, Failure)


def read_records(folder: Path) -> Iterator[Record]:
    """Yield all records of a run's folder in the order of their file names."""
    for path in sorted((folder / "records").glob("*.json")):
        yield read_record(path)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a record; `bench/record.schema.json` holds it."""
    return msgspec.json.schema(Record)


def _read(path: Path, kind: type[Kept]) -> Kept:
    return read_versioned(
        path,
        kind,
        newest=VERSION,
        called=kind.__name__.lower(),
        mend="move it out of the folder and run again to make it anew",
    )
