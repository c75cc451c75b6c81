"""Memories of each class, and the two terms of Minimax Diffusion that read them.

Paper:     Gu et al., "Efficient Dataset Distillation via Minimax Diffusion", CVPR 2024: the
           representativeness and diversity criteria.
Reference: vimar-gu/MinimaxDiffusion, train_dit.py. A single pair per class and batch carries the
           gradient there and here; the paper describes the criteria per sample.
Differs:   only directions are kept, because only cosines are asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BEYOND = 2.0
"""More than any cosine, for places that hold nothing."""


class Memories(nn.Module):
    """The last latents of every class, real ones and guessed ones; the oldest go first.

    Everything is a buffer, so that a checkpoint keeps it and a resumed training goes on with it.
    """

    real: Tensor
    """Unit vectors `[classes, size, width]`; zero where there is none yet."""
    guessed: Tensor
    filled: Tensor
    """How many each class holds, int64 `[classes]`."""
    next: Tensor
    """The place that the next latent of each class goes to, int64 `[classes]`."""

    def __init__(self, classes: int, size: int, width: int) -> None:
        """Make room for `size` latents of `width` numbers for every class, twice."""
        super().__init__()
        self.size = size
        for bank in ("real", "guessed"):
            self.register_buffer(bank, torch.zeros(classes, size, width))
        for counter in ("filled", "next"):
            self.register_buffer(counter, torch.zeros(classes, dtype=torch.int64))

    @torch.no_grad()
    def push(self, labels: Tensor, real: Tensor, guessed: Tensor) -> None:
        """Remember latents `[B, width]` of classes int64 `[B]`, in order and without gradient."""
        same = labels[:, None] == labels
        places = (self.next[labels] + same.tril(-1).sum(1)) % self.size
        kept = same.triu(1).sum(1) < self.size  # more of a class in one batch than it can hold
        where = labels[kept], places[kept]
        for bank, latents in ((self.real, real), (self.guessed, guessed)):
            bank[where] = _directions(latents[kept]).to(bank.dtype)
        added = torch.bincount(labels, minlength=len(self.next))
        self.next.add_(added).remainder_(self.size)
        self.filled.add_(added).clamp_(max=self.size)

    def terms(self, labels: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
        """Return how unrepresentative and how little diverse guesses `[B, width]` are, scalars.

        For a class in the batch, the first is 1 minus the least cosine of its guesses to its real
        memory, 0 to 2; the second is the largest cosine to its guessed memory, -1 to 1. Both are
        means over the classes of the batch, int64 `[B]`, to which an empty memory adds 0.
        """
        directions, same = _directions(guess), labels[:, None] == labels
        counted = ~same.tril(-1).any(1)  # the first image of every class stands for the class
        empty = self.filled[labels] == 0
        least = self._per_class(self.real, labels, -directions, same).neg()
        most = self._per_class(self.guessed, labels, directions, same)
        unlike, alike = (1.0 - least).masked_fill(empty, 0.0), most.masked_fill(empty, 0.0)
        classes = counted.sum()
        return (counted * unlike).sum() / classes, (counted * alike).sum() / classes

    def _per_class(self, bank: Tensor, labels: Tensor, directions: Tensor, same: Tensor) -> Tensor:
        """Return, for every row, the largest cosine of any row of its class to its memory `[B]`."""
        # Multiplied and summed, because a matrix product may be of TF32.
        cosines = (directions[:, None] * bank[labels]).sum(2)
        held = torch.arange(self.size, device=labels.device) < self.filled[labels, None]
        # `max` rather than `amax`, which would share the gradient among equals.
        best = cosines.masked_fill(~held, -BEYOND).max(1).values
        return best.expand(len(best), -1).masked_fill(~same, -BEYOND).max(1).values


def _directions(latents: Tensor) -> Tensor:
    return functional.normalize(latents, dim=1)
