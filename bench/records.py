"""Records: what was asked, what came out, and how, one JSON file per smallest unit of work.

A record is written once and never edited. Leaderboards and reports are pure functions of a folder
of records; they read this module and nothing else of the house.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.errors import BenchError

VERSION = 1
"""Raised whenever a reader of the old form could misread the new one."""


@dataclass(frozen=True)
class Score:
    """How to read and print a score, wherever that is done."""

    title: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    ranked: bool
    note: str = ""
    group: Literal["accuracy", "images", "cost"] = "accuracy"
    """What it says something of: a student, the images themselves, or what they cost."""
    block: str = ""
    """Heading of the columns it stands among, besides protocol and student."""
    main: bool = True
    """Printed in tables; the others stand in files, in reports and where all are asked for."""
    counted: bool = False
    """Depends on the number of distilled images, which its title therefore says."""


FID_NOTE = "Frechet distance of Gaussians; biased upward at few images: compare at equal N only"

SCORES: dict[str, Score] = {
    "top1_last": Score(
        "top-1", "higher", "%", 1, ranked=True, note="accuracy after the last epoch"
    ),
    "top1_best": Score(
        "best epoch",
        "higher",
        "%",
        1,
        ranked=False,
        note="highest accuracy of any epoch: chosen on the test set, shown and never ranked",
    ),
    "fid": Score(
        "FID",
        "lower",
        "",
        1,
        ranked=True,
        note=FID_NOTE,
        group="images",
        block="distribution",
        counted=True,
    ),
    "fid_extrapolated": Score(
        "FID to infinity",
        "lower",
        "",
        1,
        ranked=False,
        note="a line in 1/N; still too high where N is far below the dimension; may be negative",
        group="images",
        block="distribution",
        counted=True,
    ),
    "kid": Score(
        "KID",
        "lower",
        "",
        4,
        ranked=False,
        note="unbiased for independent images; balanced sets come out below 0, by about 1/N",
        group="images",
        block="distribution",
        counted=True,
    ),
    "precision": Score(
        "precision",
        "higher",
        "",
        2,
        ranked=False,
        note="share of distilled images within a real neighbourhood",
        group="images",
        block="distribution",
        main=False,
    ),
    "recall": Score(
        "recall",
        "higher",
        "",
        2,
        ranked=False,
        note="share of real images within a distilled neighbourhood; grows with N",
        group="images",
        block="distribution",
        main=False,
        counted=True,
    ),
    "density": Score(
        "density",
        "higher",
        "",
        2,
        ranked=False,
        note="real neighbourhoods that a distilled image lies in, over their size",
        group="images",
        block="distribution",
        main=False,
    ),
    "coverage": Score(
        "coverage",
        "higher",
        "",
        2,
        ranked=False,
        note="share of real images with a distilled one in their neighbourhood; grows with N",
        group="images",
        block="distribution",
        main=False,
        counted=True,
    ),
    "embedding_l2": Score(
        "embedding l2",
        "lower",
        "",
        3,
        ranked=True,
        note="distance of the mean features, all classes pooled",
        group="images",
        block="embedding",
    ),
    "embedding_cosine": Score(
        "embedding cosine",
        "lower",
        "",
        4,
        ranked=False,
        note="1 - cosine of the mean features",
        group="images",
        block="embedding",
        main=False,
    ),
    "mmd": Score(
        "MMD",
        "lower",
        "",
        4,
        ranked=False,
        note="RBF kernel; root of an estimate as that of KID, 0 where that is negative",
        group="images",
        block="embedding",
        main=False,
        counted=True,
    ),
    "representativeness": Score(
        "representativeness",
        "higher",
        "",
        3,
        ranked=False,
        note="cosine of the worst distilled image to its nearest real one: compare at equal N only",
        group="images",
        block="embedding",
        main=False,
        counted=True,
    ),
    "diversity": Score(
        "diversity",
        "higher",
        "",
        3,
        ranked=False,
        note="1 - cosine of the most alike pair: compare at equal N only",
        group="images",
        block="embedding",
        main=False,
        counted=True,
    ),
    "nearest_real": Score(
        "nearest real",
        "higher",
        "",
        3,
        ranked=False,
        note="mean distance to the nearest real image of the class; 0 is a copy, as a selection is",
        group="images",
        block="embedding",
        main=False,
    ),
    "authenticity": Score(
        "authenticity",
        "higher",
        "%",
        0,
        ranked=False,
        note="share of images farther from the nearest real one than that one from its own",
        group="images",
        block="embedding",
        main=False,
    ),
    "images": Score("images", "lower", "", 0, ranked=False, note="distilled images", group="cost"),
    "bytes": Score(
        "size", "lower", "B", 0, ranked=False, note="of the images as stored", group="cost"
    ),
    "seconds": Score(
        "distil", "lower", "s", 1, ranked=False, note="without shared artefacts", group="cost"
    ),
    "forwards": Score(
        "forwards",
        "lower",
        "per image",
        0,
        ranked=False,
        note="network evaluations of the generator, a backward pass counted as two",
        group="cost",
    ),
    "stored_bytes": Score(
        "stored", "lower", "B", 0, ranked=False, note="images + labels + teacher", group="cost"
    ),
}
"""Every score by name, in the order of columns."""

CARD_WORDS: dict[str, str] = {
    "extractor": "features of",
    "weights": "weights",
    "resize": "resized",
    "split": "real images of",
    "real": "real images",
    "distilled": "distilled images",
    "dtype": "computed in",
    "neighbours": "neighbours",
    "mosaic": "tiles per side",
    "teacher": "teacher",
}
"""The facts of metric cards, in words."""


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
    """Wall-clock time of the artefacts that were built for the first time on its behalf."""
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
    ipc: int | None
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
    scores: dict[str, float] = {}
    series: dict[str, list[float]] = {}
    per_class: dict[str, list[float | None]] = {}
    """None for a class without test images."""
    facts: dict[str, str | int | float] = {}
    cards: dict[str, dict[str, str | int | float]] = {}
    """Score name to what has to be said beside it."""
    files: dict[str, str] = {}
    """Attachments, relative to the run's folder."""
    traces: dict[str, list[float]] = {}
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


def encode(value: msgspec.Struct) -> bytes:
    """Return stable, indented JSON with sorted keys; numbers must be finite."""
    raw = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(raw, indent=1) + b"\n"


def read_record(path: Path) -> Record:
    """Return one record; BenchError if the file is broken or of a newer version."""
    record: Record = _read(path, Record)
    return record


def read_failure(path: Path) -> Failure:
    """Return one failure; BenchError if the file is broken or of a newer version."""
    failure: Failure = _read(path, Failure)
    return failure


def read_records(folder: Path) -> Iterator[Record]:
    """Yield all records of a run's folder in the order of their file names."""
    for path in sorted((folder / "records").glob("*.json")):
        yield read_record(path)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a record; `bench/record.schema.json` holds it."""
    return msgspec.json.schema(Record)


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        raw = path.read_bytes()
        version = msgspec.json.decode(raw, type=_Version).version
        if version > VERSION:
            raise BenchError(
                f"{path} has schema version {version}, this version of `bench` reads up to "
                f"{VERSION}: update distillation-bench."
            )
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BenchError(
            f"{path} is not a readable {kind.__name__.lower()} ({error}): move it out of the "
            "folder and run again to make it anew."
        ) from error
    except OSError as error:
        raise BenchError(f"{path} cannot be read ({error.strerror}): mend or move it.") from error


class _Version(msgspec.Struct):
    version: int
