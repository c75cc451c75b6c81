"""Named random streams: every random number follows from the seeds and a name.

A stream is opened by its whole key, never by position, so that adding a draw in one place moves
none in another. Generators live on the CPU because CUDA generators give other numbers on other
cards.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

Key = str | int


@dataclass(frozen=True)
class Streams:
    """All random streams of one distillation, student or artefact.

    `seeds` is what the randomness follows from: `(s,)` for distillation seed s, `(s, r)` for
    student r of that seed. Equal seeds and keys give equal numbers, whatever the method.
    """

    seeds: tuple[int, ...]

    def sequence(self, *key: Key) -> np.random.SeedSequence:
        """Return the seed sequence of one stream: SeedSequence(seeds) with `key` as its child."""
        import numpy as np

        words = tuple(word for part in key for word in _words(part))
        return np.random.SeedSequence(self.seeds, spawn_key=words)

    def numpy(self, *key: Key) -> np.random.Generator:
        """Return NumPy's default generator at the start of the stream `key`."""
        import numpy as np

        return np.random.default_rng(self.sequence(*key))

    def torch(self, *key: Key) -> torch.Generator:
        """Return a CPU generator at the start of the stream `key`."""
        import torch

        return torch.Generator().manual_seed(self.integer(*key))

    def integer(self, *key: Key) -> int:
        """Return a seed in [0, 2**32) for a library that wants a plain integer."""
        # 32 bits: scikit-learn takes no more, and torch's CPU generator ignores the upper half.
        return int(self.sequence(*key).generate_state(1)[0])


def _words(part: Key) -> tuple[int, ...]:
    """Spell one part of a key as 32-bit words; strings and integers never collide."""
    if isinstance(part, int):
        if not 0 <= part < 2**32:
            raise ValueError(f"An integer in a stream key must lie in [0, 2**32), got {part}.")
        return (part,)
    digest = hashlib.sha256(part.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4))
