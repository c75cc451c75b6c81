"""Training the members of a teacher, one after the other, each from its own seed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from bench.context import artefact_streams
from bench.features.trained import prefixed
from bench.files import replace_file
from bench.teachers.trained import Trained
from bench.training.examples import Examples
from bench.training.loop import Keeping, train
from bench.training.probe import estimate_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from bench.context import Context
    from bench.sets import RealSet

KEEP_EVERY = 600.0
"""Seconds after which a member's training is kept, so that a kill costs minutes."""

SHOWN = 10
"""Training images of a class on which the accuracy of a member is measured."""

FACTS = "facts"
"""Entry of the header of a member's file."""


class MemberFacts(msgspec.Struct, frozen=True):
    """What the header of a member's file says of its training."""

    seed: int
    updates: int
    loss: float
    """Mean training loss of the last epoch, of mixed images where they are mixed."""
    accuracy: float
    """In percent, of some training images, without augmentation; the test set is not used."""
    seconds: float


def train_members(
    teacher: Trained, real: RealSet, resolution: int, ctx: Context, out: Path
) -> list[MemberFacts]:
    """Train what is not there yet; write `member-<k>.safetensors` below `out`."""
    from bench.teachers.weights import member_file

    pixels = prefixed(real.train, resolution, ctx)
    labels = torch.from_numpy(np.array(real.train.labels))
    examples = Examples(torch.from_numpy(pixels), labels, mapped=isinstance(pixels, np.memmap))
    found = []
    for number in range(teacher.members):
        file = member_file(out, number)
        if not file.is_file():
            _train_member(teacher, number, examples, real, resolution, ctx, file)
        found.append(_facts_of(file))
    return found


def expected_seconds(teacher: Trained, real: RealSet, resolution: int, ctx: Context) -> float:
    """Estimate the seconds of the training of all members from a few steps on noise."""
    card = real.card
    one = estimate_seconds(
        teacher.fresh(card.num_classes, resolution),
        teacher.recipe(resolution),
        card.num_train,
        SHOWN * card.num_classes,
        card.num_classes,
        ctx.device,
    )
    return teacher.members * one


def _train_member(
    teacher: Trained,
    number: int,
    examples: Examples,
    real: RealSet,
    resolution: int,
    ctx: Context,
    file: Path,
) -> None:
    seed, members = teacher.seed + number, teacher.members
    streams = artefact_streams(seed)
    model = teacher.fresh(real.card.num_classes, resolution, streams.integer("init"))
    kept = file.with_name(f"training-{number}.safetensors")

    def progress(done: int, total: int) -> None:
        ctx.progress(number * total + done, members * total)

    started = time.perf_counter()
    curves = train(
        model,
        examples,
        _some(examples, real.train.labels, real.card.num_classes),
        teacher.recipe(resolution),
        streams,
        ctx.device,
        progress=progress,
        keeping=Keeping(kept, KEEP_EVERY),
    )
    seconds = time.perf_counter() - started + curves.earlier_seconds
    facts = MemberFacts(
        seed, curves.updates, curves.loss[-1], curves.accuracy[-1], round(seconds, 3)
    )
    replace_file(file, _encoded(model, facts))
    kept.unlink(missing_ok=True)


def _encoded(model: nn.Module, facts: MemberFacts) -> bytes:
    weights = {n: value.detach().cpu().contiguous() for n, value in model.state_dict().items()}
    return save(weights, {FACTS: msgspec.json.encode(facts).decode()})


def _facts_of(file: Path) -> MemberFacts:
    with safe_open(file, framework="pt") as opened:
        return msgspec.json.decode(opened.metadata()[FACTS], type=MemberFacts)


def _some(examples: Examples, labels: NDArray[np.int64], num_classes: int) -> Examples:
    """Return the first images of every class."""
    rows = np.concatenate([np.flatnonzero(labels == c)[:SHOWN] for c in range(num_classes)])
    return Examples(examples.images[rows], examples.labels[rows])
