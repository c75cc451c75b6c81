"""Is a run's folder what it says it is: records, distilled sets, and the real sets behind them.

Nothing is changed. What is missing without being wrong (images that were left out when a result was
shared, a real set that is not on this machine) is told apart from what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.errors import BenchError
from bench.manifest import MANIFEST, Manifest, read_manifest, verify_files
from bench.records import Record, read_record

if TYPE_CHECKING:
    from bench.sets import DatasetCard, RealSet
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


def verify(store: Store, reals: Sequence[RealSet]) -> Verified:
    """Look at every record and every file of every distilled set, and compare with the real sets.

    `reals` are those at hand; several may go by one name, as when a folder's runs had it elsewhere.
    """
    records, findings = _read_records(store)
    at_hand: dict[str, list[DatasetCard]] = {}
    for real in reals:
        at_hand.setdefault(real.card.name, []).append(real.card)
    folders = dict(_folders(store.root, findings))
    sets = 0
    for record in records:
        cards = at_hand.get(record.data.name, [])
        findings += _record_findings(store, record, cards)
        if record.kind == "distillation":
            found = _set_findings(record, folders.get(record.key), cards)
            sets += not any(finding.kind == "unchecked" for finding in found)
            findings += found
    findings += _orphans(records)
    named = {record.data.name for record in records}
    findings += [
        Finding("unchecked", f"The real set {name!r} of the records is not at hand.")
        for name in sorted(named - at_hand.keys())
    ]
    return Verified(len(records), sets, tuple(sorted(named & at_hand.keys())), tuple(findings))


def real_sets(
    store: Store, data_root: Path | None, cache: Path
) -> tuple[list[RealSet], list[Finding]]:
    """Return the sets that the folder's plans name, as far as they are here, and what is not.

    File hashes are taken from `cache` where they are there.
    """
    from bench import data, suites

    requests: dict[tuple[str, Path | None, float], None] = {}
    reals: list[RealSet] = []
    findings: list[Finding] = []
    for plan in sorted((store.root / "plans").glob("*.json")):
        try:
            run = suites.load(str(plan)).run_spec({})
        except BenchError as error:
            findings.append(Finding("wrong", str(error)))
            continue
        root = data_root or (Path(run.data_root) if run.data_root else None)
        requests |= {(request, root, run.hold_out): None for request in run.all_datasets}
    for request, root, part in requests:
        try:
            reals.append(data.open_real_set(request, data_root=root, cache=cache, hold_out=part))
        except BenchError as error:
            findings.append(Finding("unchecked", f"The real set {request!r}: {error}"))
    return reals, findings


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
    store: Store, record: Record, cards: Sequence[DatasetCard]
) -> Iterator[Finding]:
    for name, place in record.files.items():
        if not (store.root / place).is_file():
            sentence = f"The attachment {name!r} of record {record.key} is missing: {place}."
            yield Finding("wrong", sentence)
    for part, said, found in (
        ("training", record.data.train_revision, {card.train_revision for card in cards}),
        ("test", record.data.test_revision, {card.test_revision for card in cards}),
    ):
        if found and said not in found:
            others = " and ".join(f"{revision[:12]}..." for revision in sorted(found))
            yield Finding(
                "wrong",
                f"Record {record.key} is of {part} images of {record.data.name!r} with revision "
                f"{said[:12]}..., those at hand have {others}",
            )


def _set_findings(
    record: Record, place: tuple[Path, Manifest] | None, cards: Sequence[DatasetCard]
) -> list[Finding]:
    """Return what is wrong with the distilled set that a record tells of."""
    if place is None:
        sentence = f"The distilled set of record {record.key} is not in the folder."
        return [Finding("unchecked", sentence)]
    folder, manifest = place
    found = []
    if manifest.revision != record.distilled:
        found.append(f"{folder} holds another set than record {record.key} says.")
    if cards and manifest.classes not in {card.classes for card in cards}:
        found.append(f"{folder} has its classes in another order than {record.data.name!r}.")
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
