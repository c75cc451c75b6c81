"""Which learning rate an epoch has, and after which epochs a student is tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from bench.training.recipe import Recipe, settled


def milestones(epochs: int, fractions: Sequence[float]) -> tuple[int, ...]:
    """Return floor(fraction * epochs) for every fraction, exactly.

    2/3 as a float is a little below 2/3, so the fraction that was meant (denominator at most
    1000) is restored before it is multiplied.
    """
    meant = (Fraction(fraction).limit_denominator(1000) for fraction in fractions)
    return tuple(math.floor(fraction * epochs) for fraction in meant)


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0.

    With E epochs, "multistep" has been cut once for every milestone at or below `epoch`,
    "half-cosine" is lr * (1 + cos(pi e / 2E)) / 2, "cosine" is lr * (1 + cos(pi e / E)) / 2.
    """
    lr, epochs = settled(recipe.lr, "lr"), settled(recipe.epochs, "epochs")
    if recipe.schedule == "multistep":
        cuts = sum(epoch >= at for at in milestones(epochs, recipe.milestones))
        return lr * recipe.gamma**cuts
    angle = math.pi * epoch / epochs
    return lr * (1.0 + math.cos(angle / 2 if recipe.schedule == "half-cosine" else angle)) / 2


def evaluation_epochs(recipe: Recipe) -> tuple[int, ...]:
    """Return the numbers of finished epochs after which the student is tested, ascending.

    They are the numbers n with n - `evaluate_offset` a multiple of epochs // evaluations (at least
    1) and above `evaluate_after`. The last epoch is always among them.
    """
    epochs = settled(recipe.epochs, "epochs")
    every = max(1, epochs // settled(recipe.evaluations, "evaluations"))
    after = settled(recipe.evaluate_after, "evaluate_after")
    first = recipe.evaluate_offset % every or every
    chosen = {epoch for epoch in range(first, epochs + 1, every) if epoch > after}
    return tuple(sorted(chosen | {epochs}))
