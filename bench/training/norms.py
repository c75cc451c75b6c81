"""More than one update of a batch norm's running statistics for every batch it sees.

Reference: LINs-lab/RDED @ 3f6453d, validation/main.py: a pass of the student in training mode whose
           answers are only logged comes before the one that is learned from.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def update_more(model: nn.Module, times: int) -> None:
    """Let one pass move running statistics as far as `times` passes of the same batch would.

    r <- (1 - m) r + m b, applied n times with the same b, is one step of momentum 1 - (1 - m)^n.
    Norms without a momentum average over all batches, of which equal shares of each change nothing.
    Two things are not as with passes of their own: what is drawn before a norm (dropout, stochastic
    depth) is drawn once, and under mixup both updates see the mixed images, where rded's first pass
    sees them unmixed. Changes the model; calling it again adds to what it did.
    """
    if times == 1:  # 1 - (1 - m) is not m in floating point
        return
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.momentum is not None:
            module.momentum = 1.0 - (1.0 - module.momentum) ** times
