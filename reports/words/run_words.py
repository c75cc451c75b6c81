"""A run in words, for a paper: its data, its seeds, how methods are compared, the software."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from bench.records import Data, Record
from leaderboards import Board
from leaderboards.headings import short_revision
from reports.citations.sources import keys_of
from reports.words.citable import Cite, Words, joined
from reports.words.recipes import known, numbers
from reports.words.sentences import Code, listed

SOFTWARE = "distillationbench"
"""Key of this software."""

RANKED = (
    "Intervals are 95% confidence intervals of the mean over distilled sets (Student's t; "
    "over students, where a method has no randomness). Two "
    "methods are called separated where a paired t test rejects at 5%, and so does one whose "
    "variance is shared over all methods, corrected by Holm for all pairs."
)
UNRANKED = "Nothing is ranked: that takes two distilled sets or more of every method."


def data(records: Iterable[Record]) -> Words:
    """Return the real sets by name, classes, splits and revisions."""
    sets = {
        (one.name, one.train_revision, one.test_revision): one
        for one in (record.data for record in records)
    }
    return ("The data: ", *joined([_one_set(sets[key]) for key in sorted(sets)]), ".")


def _one_set(one: Data) -> Words:
    own = one.train_split.startswith("folder")
    return (
        *(Code(one.name), Cite(None if own else keys_of("dataset", one.name))),
        *(f" with {one.num_classes} classes (training images of the split ", Code(one.train_split)),
        *(", revision ", Code(short_revision(one.train_revision))),
        *("; test images of the split ", Code(one.test_split)),
        *(", revision ", Code(short_revision(one.test_revision)), ")"),
    )


def seeds(records: Sequence[Record]) -> Words:
    """Return how many sets methods made, and how many students learned from each."""
    sets: dict[tuple[str, ...], set[int]] = defaultdict(set)
    students: dict[tuple[str, ...], set[tuple[int, int]]] = defaultdict(set)
    for record in records:
        if record.ipc is None:
            continue
        cell = (record.data.train_revision, str(record.ipc), record.method.identity)
        if record.stochastic:
            sets[cell].add(record.seed)
        if record.student and record.protocol and record.student_seed:
            at = (record.distilled, record.protocol.identity, record.student.identity)
            students[cell + at].add(record.student_seed)
    return (*_sizes(records), *_sets(sets.values()), *_students(students.values()))


def _sizes(records: Iterable[Record]) -> Words:
    ipcs = known(record.ipc for record in records)
    return ("Distilled sets have ", *numbers(ipcs), " images per class.") if ipcs else ()


def _sets(found: Collection[set[int]]) -> Words:
    if not found:
        return ()
    named = numbers(known(seed for one in found for seed in one), " and ")
    several = "seed " if len(named) == 1 and " to " not in str(named[0]) else "seeds "
    return (
        f" A method with randomness made {_counts(found, 'set')} for each data set and size (",
        *(several, *named, ")."),
    )


def _students(found: Collection[set[tuple[int, int]]]) -> Words:
    if not found:
        return ()
    return (
        f" Each set taught {_counts(found, 'student')} of an architecture it was tried with. "
        "Accuracy is the share of test images that are classified correctly after the last "
        "epoch, in percent.",
    )


def _counts(found: Iterable[Collection[object]], noun: str) -> str:
    counts = [len(one) for one in found]
    low, high = min(counts), max(counts)
    text = f"{low}" if low == high else f"{low} to {high}"
    return f"{text} {noun}" if high == 1 else f"{text} {noun}s"


def tests(boards: Iterable[Board]) -> Words:
    """Return how methods are compared, or why nothing is ranked."""
    told = [column.told for board in boards for column in board.columns if column.told]
    return (RANKED if any(one.tested for one in told) else UNRANKED,)


def software(records: Iterable[Record]) -> Words:
    """Return the versions and commits that made the records."""
    made = [record.provenance for record in records]
    versions = known(one.packages.get("distillation-bench") for one in made)
    commits = known(one.commit[:8] for one in made)
    found: list[str | Code | Cite] = ["Everything was computed with Distillation Bench"]
    found += [" ", *listed([str(version) for version in versions])] if versions else []
    found.append(Cite((SOFTWARE,)))
    if commits:
        found += [", commit " if len(commits) == 1 else ", commits ", *listed(commits)]
    if any(one.dirty for one in made):
        found.append(", with changes that were not committed")
    return (*found, ".")
