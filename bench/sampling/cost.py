"""What the network calls of one image cost, counted instead of timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.sampling.hook import Want
    from bench.sampling.schedule import Schedule

BACKWARD = 2
"""Forward passes that a backward pass is counted as, as is customary (Kaplan et al., "Scaling Laws
for Neural Language Models", 2020, section 2.1); weights that take no gradient make it cheaper."""


def forwards(
    schedule: Schedule, cfg: float, wants: Callable[[float], Want], layers: Sequence[str]
) -> float:
    """Return the forward passes of the network that one image costs, backward passes included.

    A step takes one pass, or two under classifier-free guidance. A graph of the prediction adds its
    way back. A graph of a layer's output adds a pass of its own up to this layer, and the way back:
    of `layers`, from input to output, all are taken for equally dear. Steps that a hook repeats are
    counted once; decoders and other networks are not counted.
    """
    branches = 1 if cfg == 1.0 else 2
    total = 0.0
    for level in schedule.levels:
        want = wants(level.u)
        total += branches
        if want.graph and want.layer is None:
            total += BACKWARD * branches
        elif want.graph and want.layer is not None:
            share = (layers.index(want.layer) + 1) / len(layers)
            total += (1 + BACKWARD) * share
    return total
