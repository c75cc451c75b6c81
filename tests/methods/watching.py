"""Latents that a tiny generator makes under a hook, and what the hook did at every step."""

from dataclasses import dataclass, field
from typing import Any

import torch

from bench.sampling import Sampling
from bench.sampling.sampler import sample
from bench.streams import Streams


@dataclass
class Watched:
    """A hook that remembers every step and what the hook within it answered."""

    hook: Any
    seen: list[Any] = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.hook, name)

    def __call__(self, step):
        delta = self.hook(step)
        self.seen.append((step, delta))
        return delta

    @property
    def guided(self):
        """Return the steps in which the hook changed something, with what it changed."""
        return [(step, delta) for step, delta in self.seen if delta is not None]


def latents_of(generator, hook, jobs, **sampling):
    """Return the latents of the jobs in their order, by 5 steps of DDIM if nothing else is said."""
    given = Sampling(**{"generator": "embedded", "steps": 5, "scheduler": "ddim", **sampling})
    made = sample(generator, jobs, given, Streams((7,)), hook=hook)
    found = {job: row for batch, latents in made for job, row in zip(batch, latents, strict=True)}
    return torch.stack([found[job] for job in jobs])
