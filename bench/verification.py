"""Is a run's folder what it says it is: records, distilled sets, and the real sets behind them.

Nothing is changed. What is missing without being wrong (images that were left out when a result was
shared, a real set that is not on this machine) is told apart from what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.errors import BenchError
from bench.manifest import MANIFEST, Manifest, read_manifest, verify_files
from bench.records import Record, read_record

if TYPE_CHECKING:
    from bench.sets import RealSet
    from bench.store import Store


@dataclass(frozen=True)
class Finding:
    """One sentence on what is wrong, or what could not be looked at."""

    kind: Literal["wrong", "unchecked"]
    sentence: str


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what was found."""

    records: int
    sets: int
    """Distilled sets whose files were read."""
    reals: tuple[str, ...]
    """Real sets that were at hand."""
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """Return what is not as it should be."""
        return tuple(finding for finding in self.findings if finding.kind == "wrong")


def verify(store: Store, reals: Mapping[str, RealSet]) -> Verified:
    """Look at every record and every file of every distilled set, and compare with the real sets.

    `reals` are those at hand, by name; records of other sets are not compared with images.
    """
    records, findings = _read_records(store)
    folders = dict(_folders(store.root, findings))
    sets = 0
    for record in records:
        findings += _record_findings(store, record, reals)
        if record.kind == "distillation":
            found = _set_findings(record, folders.get(record.key), reals.get(record.data.name))
            sets += not any(finding.kind == "unchecked" for finding in found)
            findings += found
    findings += _orphans(records)
    named = {record.data.name for record in records}
    return Verified(len(records), sets, tuple(sorted(named & set(reals))), tuple(findings))


def unreadable(real: RealSet) -> Iterator[Finding]:
    """Open every image of a real set and yield those that cannot be decoded."""
    for part, images in (("training", real.train.images), ("test", real.test.images)):
        for index in range(len(images)):
            try:
                images.decode(index)
            except BenchError as error:
                yield Finding("wrong", f"A {part} image of {real.card.name!r}: {error}")


def _read_records(store: Store) -> tuple[list[Record], list[Finding]]:
    records, findings = [], []
    for path in sorted((store.root / "records").glob("*.json")):
        try:
            record = read_record(path)
        except BenchError as error:
            findings.append(Finding("wrong", str(error)))
            continue
        records.append(record)
        if record.key != path.stem:
            findings.append(
                Finding(
                    "wrong", f"{path} holds the record {record.key!r}: one of them was renamed."
                )
            )
    return records, findings


def _folders(root: Path, findings: list[Finding]) -> Iterator[tuple[str, tuple[Path, Manifest]]]:
    """Yield every distilled set by the unit that made it."""
    for path in sorted((root / "distilled").rglob(MANIFEST)):
        try:
            manifest = read_manifest(path.parent)
        except BenchError as error:
            findings.append(Finding("wrong", str(error)))
            continue
        yield str(manifest.facts.get("unit")), (path.parent, manifest)


def _record_findings(
    store: Store, record: Record, reals: Mapping[str, RealSet]
) -> Iterator[Finding]:
    for name, place in record.files.items():
        if not (store.root / place).is_file():
            sentence = f"The attachment {name!r} of record {record.key} is missing: {place}."
            yield Finding("wrong", sentence)
    real = reals.get(record.data.name)
    if real is None:
        return
    for part, said, found in (
        ("training", record.data.train_revision, real.card.train_revision),
        ("test", record.data.test_revision, real.card.test_revision),
    ):
        if said != found:
            yield Finding(
                "wrong",
                f"Record {record.key} is of {part} images of {record.data.name!r} with revision "
                f"{said[:12]}..., those at hand have {found[:12]}...",
            )


def _set_findings(
    record: Record, place: tuple[Path, Manifest] | None, real: RealSet | None
) -> list[Finding]:
    """Return what is wrong with the distilled set that a record tells of."""
    if place is None:
        sentence = f"The distilled set of record {record.key} is not in the folder."
        return [Finding("unchecked", sentence)]
    folder, manifest = place
    found = []
    if manifest.revision != record.distilled:
        found.append(f"{folder} holds another set than record {record.key} says.")
    if real is not None and manifest.classes != real.card.classes:
        found.append(f"{folder} has its classes in another order than {real.card.name!r}.")
    if not manifest.whole:
        found += _file_findings(folder, manifest)
    return [Finding("wrong", sentence) for sentence in found]


def _file_findings(folder: Path, manifest: Manifest) -> Iterator[str]:
    from bench.distilled_folder import open_distilled

    try:
        verify_files(folder, manifest)
        images = open_distilled(folder, manifest).images
        for index in range(len(images)):
            images.decode(index)
    except BenchError as error:
        yield str(error)


def _orphans(records: list[Record]) -> Iterator[Finding]:
    """Yield evaluations of sets that no record says were made."""
    made = {record.distilled for record in records if record.kind == "distillation"}
    for record in records:
        if record.kind == "evaluation" and record.distilled not in made:
            yield Finding(
                "wrong",
                f"Record {record.key} is of the distilled set {record.distilled[:12]}..., which no "
                "record of this folder says was made.",
            )
