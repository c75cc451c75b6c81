"""Plain class-conditional sampling: the baseline of all methods that use a generator.

Paper:     Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023.
Reference: facebookresearch/DiT, sample.py; with 50 steps and CFG 4.0 as in
           vimar-gu/MinimaxDiffusion, sample.py.
Differs:   image k of a class starts from noise of (seed, class id, k) alone, so that IPC 10 is a
           prefix of IPC 50 and the batch changes no noise. Where ImageNet's labels went into the
           generator, they went into the images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.generating import Generating


@dataclass(frozen=True)
class DiT(Generating):
    """Draw `ipc` images of every class from a pretrained generator, unguided but for CFG.

    Uses nothing of the real set but its class ids and names.
    """

    revision: ClassVar[int] = 2
