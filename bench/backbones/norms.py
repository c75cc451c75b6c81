"""The two normalisations that our own students can be built with."""

from __future__ import annotations

from torch import nn


def norm_layer(norm: str, channels: int) -> nn.Module:
    """Return the layer "batch" or "instance" for `channels` channels, weight 1 and bias 0.

    "instance" keeps no running statistics, so training and evaluation are the same function.
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "instance":
        # Not InstanceNorm2d: one group per channel has the affine parameters that it lacks.
        return nn.GroupNorm(channels, channels)
    raise ValueError(f'`norm` must be "instance" or "batch", got {norm!r}.')
