"""What IGD remembers of finished images, and the way that leads away from them."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

from bench.sampling.hook import Job


class Memory:
    """The last clean latents of every class and group of candidates, first in, first out."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: dict[tuple[str, int], deque[Tensor]] = {}

    def keep(self, job: Job, latent: Tensor) -> None:
        """Remember a finished latent `[C, h, w]`; the oldest of its kind goes if there are many."""
        kept = self._kept.setdefault((job.class_id, job.group), deque(maxlen=self.most))
        kept.append(latent.detach().clone())  # a view would hold on to its whole batch

    def of(self, job: Job) -> tuple[Tensor, ...]:
        """Return what is remembered of a job's class and group, oldest first."""
        return tuple(self._kept.get((job.class_id, job.group), ()))

    def slope(self, job: Job, x: Tensor) -> Tensor | None:
        """Return the gradient of the cosine between `x` `[C, h, w]` and the most similar memory.

        With c the cosine, it is (m / |m| - c x / |x|) / |x|: across `x`, of length
        sqrt(1 - c^2) / |x|. None if nothing is remembered.
        """
        kept = self.of(job)
        if not kept:
            return None
        state = x.flatten()
        size = torch.linalg.vector_norm(state).clamp_min(torch.finfo(x.dtype).tiny)
        directions = torch.nn.functional.normalize(torch.stack(kept).flatten(1).to(x.dtype), dim=1)
        cosines = directions @ (state / size)
        nearest = cosines.argmax()
        away: Tensor = (directions[nearest] - cosines[nearest] * state / size) / size
        return away.view_as(x)
