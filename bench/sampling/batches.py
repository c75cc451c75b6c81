"""Which images are sampled together: jobs, batches of them, and segments of the images of a class.

What is sampled together decides how products are rounded, so all of this follows from the request
alone: not from what is done already, and not from the number of images that are asked for beyond.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from bench.sampling.hook import Job

if TYPE_CHECKING:
    from bench.sets import DatasetCard

T = TypeVar("T")

LADDER = (1, 10, 50, 100, 200, 500, 1000)
"""Numbers of images of a class at which a segment ends; the published IPCs are among them."""

Block = list[list[Job]]
"""Batches that have to be sampled in this order; other blocks do not matter to them."""


def jobs_of(
    card: DatasetCard,
    count: int,
    *,
    first: int = 0,
    ipc: int = 0,
    class_map: Mapping[str, str] | None = None,
) -> tuple[Job, ...]:
    """Return `count` jobs of every class of a real set from image `first` on, ordered by class.

    `ipc` is that of every job. `class_map` gives the generator's classes (or prompts) by class id,
    for those that it knows by another one.
    """
    renamed = class_map or {}
    return tuple(
        Job(
            class_id,
            label,
            k,
            renamed.get(class_id, card.class_names[label]),
            ipc,
            renamed.get(class_id, ""),
        )
        for label, class_id in enumerate(card.classes)
        for k in range(first, first + count)
    )


def segments(count: int) -> tuple[tuple[int, int], ...]:
    """Return the ranges [first, last) of the ladder that `count` images of a class are made in.

    The last one ends at `count`, so that 5 images are those of [0, 1) and [1, 5).
    """
    ends = [*[end for end in LADDER if end < count], count]
    return tuple(zip([0, *ends[:-1]], ends, strict=True))


def blocks_of(jobs: Sequence[Job], most: int, *, sequential: bool = False) -> list[Block]:
    """Return the batches of `batches_of` in blocks: one batch each, unless they are sequential.

    Then a block holds all images of as many classes as fit into a batch, at least one.
    """
    if not sequential:
        return [[batch] for batch in cut(jobs, most)]
    classes: dict[str, list[Job]] = {}
    for job in jobs:
        classes.setdefault(job.class_id, []).append(job)
    groups = len({job.group for job in jobs})
    together = cut(list(classes.values()), max(1, most // max(1, groups)))
    return [_rounds([job for some in block for job in some], most) for block in together]


def batches_of(jobs: Sequence[Job], most: int, *, sequential: bool = False) -> list[list[Job]]:
    """Return the jobs in batches of at most `most`, in their order and as even as can be.

    If `sequential`, a batch holds one image of a class and group at most, and batches go through
    the images of some classes in rounds of rising `Job.slot` before the next classes begin.
    """
    return [batch for block in blocks_of(jobs, most, sequential=sequential) for batch in block]


def _rounds(jobs: Sequence[Job], most: int) -> Block:
    rounds: dict[int, list[Job]] = {}
    for job in jobs:
        rounds.setdefault(job.slot, []).append(job)
    return [batch for _, members in sorted(rounds.items()) for batch in cut(members, most)]


def cut(items: Sequence[T], most: int) -> list[list[T]]:
    """Return the fewest parts of at most `most` items, evenly filled."""
    if not items:
        return []
    size = math.ceil(len(items) / math.ceil(len(items) / most))
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
