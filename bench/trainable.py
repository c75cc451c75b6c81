"""Whether a student can be trained on images of a size: told by building it, and by one image."""

from __future__ import annotations

import functools
from typing import Any


@functools.lru_cache(maxsize=64)
def check_buildable(student: Any, num_classes: int, resolution: int, norm: str) -> None:
    """Build the network once and let it go: only it knows which images it can take."""
    from bench.backbones import build_student

    build_student(student, num_classes=num_classes, image_size=resolution, norm=norm, seed=0)


@functools.lru_cache(maxsize=64)
def learns_alone(student: Any, num_classes: int, resolution: int, norm: str) -> bool:
    """Say whether the network can be trained on one image."""
    import torch

    from bench.backbones import build_student

    network = build_student(
        student, num_classes=num_classes, image_size=resolution, norm=norm, seed=0
    )
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            network.train()(torch.zeros(1, 3, resolution, resolution))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # torch's words
            raise
        return False
    return True
