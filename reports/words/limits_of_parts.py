"""What sets, protocols, image scores, machines and methods do not show by what they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bench.records import Record
from leaderboards import Board
from reports.plain import plain
from reports.remarks import DRAWN, FASTAI, NETWORKS
from reports.words.counting import between, counted, verb
from reports.words.naming import Naming, head_of
from reports.words.sentences import Code, Sentence, listed

HELD_OUT = ":held-out-"
"""What the id of a test split holds that was taken from the training images."""

FOLDER = "folder"
"""What the split ids of folders of images begin with."""

LONGEST = 300
"""Characters of a remark."""


def of_sets(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield which sets are not those that papers print numbers of."""
    splits = {board.dataset: board.train_split.partition(":")[0] for board in boards}
    if drawn := [name for name, split in splits.items() if split == DRAWN]:
        are = verb(len(drawn), "is", "are")
        them = verb(len(drawn), "it", "them")
        tail = f" {are} drawn, not photographed: what is measured on {them} holds for {them} alone "
        yield (*listed(drawn), f"{tail}and compares with no published numbers.")
    if fastai := [name for name, split in splits.items() if split.startswith(FASTAI)]:
        are = verb(len(fastai), "is fastai's split", "are fastai's splits")
        tail = f" {are}: most papers trained and tested on other images of the same classes."
        yield (*listed(fastai), tail)
    if folders := [name for name, split in splits.items() if split == FOLDER]:
        are = verb(len(folders), "is a folder of images", "are folders of images")
        tail = f" {are}: numbers compare with published ones only if the images are the same."
        yield (*listed(folders), tail)
    held = [board.dataset for board in boards if HELD_OUT in board.test_split]
    if names := list(dict.fromkeys(held)):
        tail = " were scored on training images that were held out, not on the test set."
        yield ("Students of ", *listed(names), tail)


def of_protocols(records: Iterable[Record], naming: Naming) -> Iterator[Sentence]:
    """Yield which published settings were changed, and in which fields."""
    fields: dict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        protocol = record.protocol
        if protocol is None or record.student is None or protocol.origin:
            continue
        changed = changed_fields(protocol.label)
        if "/" in head_of(protocol.identity) and changed:
            name = naming.protocol(protocol.label).text
            fields[name] |= dict.fromkeys(changed)
    by_fields: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, several in sorted(fields.items()):
        by_fields[tuple(sorted(several))].append(name)
    for changes, names in by_fields.items():
        departs = verb(len(names), "departs", "depart")
        whose = verb(len(names), "its", "their")
        setting = f"{whose} published {verb(len(names), 'setting', 'settings')}"
        tail = f": {whose} numbers compare with no published ones."
        yield (*listed(names), f" {departs} from {setting} in ", *listed(changes, 6), tail)


def of_teachers(boards: Iterable[Board], naming: Naming) -> Iterator[Sentence]:
    """Yield which numbers hold the knowledge of a teacher."""
    columns = (column for board in boards for column in board.columns)
    soft = dict.fromkeys(column.protocol for column in columns if column.group == "soft")
    if names := [naming.protocol(heading).text for heading in soft]:
        tail = ": such numbers compare with none under hard labels."
        yield ("A teacher's answers stand behind every number under ", *listed(names), tail)


def changed_fields(label: str) -> list[str]:
    """Return the names of the fields that stand in a label, such as `epochs` in `hard+epochs=9`."""
    fields, depth, start = label.partition("+")[2], 0, 0
    parts = []
    for place, char in enumerate(f"{fields},"):
        depth += (char == "[") - (char == "]") + (char == "(") - (char == ")")
        if char == "," and depth <= 0:
            parts.append(fields[start:place])
            start = place + 1
    names = (part.partition("=")[0].partition("[")[0].strip() for part in parts)
    return [name for name in dict.fromkeys(names) if name]


def of_images(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield what scores of the images do not say."""
    columns = [column for board in boards for column in board.columns if column.group == "images"]
    if not columns:
        return
    texts = {column.facts["distilled"] for column in columns if "distilled" in column.facts}
    numbers = [int(text) for text in texts if text.isdecimal()]
    of = f" at {between(numbers)} distilled images" if numbers else ""
    yield (
        f"Scores of the images are measured{of}: FID and others depend on that number and compare "
        "at equal numbers only.",
    )
    for network in sorted({column.facts.get("extractor", "") for column in columns}):
        if network in NETWORKS:
            yield (Code(network), f"{NETWORKS[network].removeprefix(network)}.")


def of_machines(records: Iterable[Record]) -> Iterator[Sentence]:
    """Yield whether seconds are those of one machine, and code that of a commit."""
    records = list(records)
    machines = {
        (one.provenance.device, one.provenance.threads)
        for one in records
        if one.kind == "distillation"  # whose seconds are a cost
    }
    dirty = sum(one.provenance.dirty for one in records)
    if len(machines) > 1:
        yield (
            f"Sets were distilled on {len(machines)} kinds of machine or numbers of threads: "
            "seconds compare within one of them only.",
        )
    if dirty:
        come = verb(dirty, "comes", "come")
        yield (f"{counted(dirty, 'record')} {come} from code with changes that no commit has.",)


def of_methods(boards: Iterable[Board]) -> Iterator[Sentence]:
    """Yield what has to be said beside every result of a method."""
    remarks: dict[str, dict[str, None]] = defaultdict(dict)
    for board in boards:
        for row in board.rows:
            if row.remark:
                remarks[row.remark][row.method] = None
    for remark, names in remarks.items():
        text = plain(remark)
        said = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
        yield (*listed(list(names)), f": {said}{'' if said.endswith('.') else '.'}")
