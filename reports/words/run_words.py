"""A run in words, for a paper: its data, its seeds, how methods are compared, the software."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from bench.records import Data, Record
from leaderboards import Board
from leaderboards.headings import short_revision
from reports.citations.sources import keys_of
from reports.words.citable import Cite, Words, joined
from reports.words.counting import chained, verb
from reports.words.limits_of_number import meet
from reports.words.recipes import MOST, known, numbers
from reports.words.repeats import Counts, each_of, either, repeats
from reports.words.selected import in_a_paper
from reports.words.sentences import Code, listed

if TYPE_CHECKING:
    from reports.material import Selection

SOFTWARE = "distillationbench"
"""Key of this software."""

RANKED = (
    "Intervals are 95% confidence intervals of the mean over distilled sets (Student's t; "
    "over students, where a method has no randomness). Two methods are called separated where two "
    "tests reject at 5%: a paired t test of these two alone, and one whose variance is shared over "
    "all methods and whose p values are corrected by Holm for all pairs."
)
UNRANKED = "Nothing is ranked: that takes two or more distilled sets of every method."
ACCURACY = (
    "Accuracy is the share of test images that are classified correctly after the last epoch, in "
    "percent."
)
ALONE = (
    "Nothing is ranked: that takes two or more methods under one protocol, on one set at one IPC."
)


def data(records: Iterable[Record], selection: Selection | None) -> Words:
    """Return the real sets by name, classes, splits and revisions, and what is left out."""
    sets = {
        (one.name, one.train_revision, one.test_revision): one
        for one in (record.data for record in records)
    }
    told = ("The data: ", *joined([_one_set(sets[key]) for key in sorted(sets)]), ".")
    return (*told, *(in_a_paper(selection) if selection is not None else ()))


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
    told, per = repeats(records), each_of(records)
    found = list(_sizes(records))
    if drawn := told.get(True):
        found += [f" A method with randomness made {_counted(drawn.sets, 'set')} for each data "]
        equal = "; equal sets count once" if drawn.equal else ""
        found += ["set and size (", *_seeds(drawn.seeds), f"{equal})."]
        if drawn.students:
            found.append(f" Each such set taught {_counted(drawn.students, 'student')}{per}.")
    if fixed := told.get(False):
        found.append(" A method without randomness made 1 set for each data set and size")
        if fixed.students:
            found.append(f", which taught {_counted(fixed.students, 'student')}{per}")
        found.append(".")
    if any(record.student for record in records):
        found.append(f" {ACCURACY}" if found else ACCURACY)
    return tuple(found)


def _sizes(records: Iterable[Record]) -> Words:
    ipcs = known(record.ipc for record in records)
    images = "image" if ipcs == [1] else "images"
    return ("Distilled sets have ", *numbers(ipcs), f" {images} per class.") if ipcs else ()


def _seeds(found: Collection[int]) -> Words:
    """Return "seed 0", "seeds 0 and 2" or, of many without a gap, "seeds 0 to 9"."""
    low, high = min(found), max(found)
    if len(found) > MOST and high - low == len(found) - 1:
        return (f"seeds {low} to {high}",)
    return (f"{verb(len(found), 'seed', 'seeds')} {chained([str(one) for one in sorted(found)])}",)


def _counted(counts: Counts, noun: str) -> str:
    return f"{either(counts)} {noun if max(counts) == 1 else f'{noun}s'}"


def tests(boards: Sequence[Board]) -> Words:
    """Return how methods are compared, or why nothing is ranked."""
    told = [column.told for board in boards for column in board.columns if column.told]
    if any(one.tested for one in told):
        return (RANKED,)
    return (UNRANKED if any(map(meet, boards)) else ALONE,)


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
