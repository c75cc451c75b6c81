"""What the hard-label papers published for each class count and IPC, as literals.

Epochs grow as IPC falls, so that the number of updates stays of one order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Table = Literal["minimax", "idc", "d3hr"]

EPOCHS: tuple[tuple[int, int], ...] = ((1, 3000), (10, 2000), (50, 1500), (200, 1000), (500, 500))
"""Largest IPC and its epochs; snu-mllab/Efficient-Dataset-Condensation, argument.py: ipc_epoch."""
FULL_EPOCHS = 300
"""Epochs for more images than that, and for full data."""

FORCED_ABOVE = {"minimax": 100, "idc": 99}
"""Class counts above this force lr 0.1, weight decay 1e-4 and batch 128 on SGD.

IDC's argument.py compares with >= 100, Minimax's with > 100, so ImageNet-100 differs.
"""

D3HR_EPOCHS = {10: 2000, 50: 1500}
"""lin-zhao-resoLve/D3HR, validation/validate_hardlabel.py; every other IPC has 1000."""
D3HR_BATCHES: tuple[tuple[int, int], ...] = ((9, 15), (49, 50))
"""Largest IPC and its batch, else 100. The hard script states IPC 10 and from 50 on; below and
between, this is the rule of the same authors' soft script (argument.py)."""
D3HR_TESTED = 99
"""Only the last 99 epochs are tested."""


@dataclass(frozen=True)
class Published:
    """What a table says for one class count, IPC and optimizer."""

    epochs: int
    batch: int
    lr: float
    weight_decay: float
    evaluations: int | None
    """Number of tests; None: every epoch."""
    tested: int | None = None
    """Only this many last epochs are tested; None: all."""


def published(table: Table, num_classes: int, ipc: int | None, optimizer: str) -> Published:
    """Return the row of a table; `ipc` of None is full data.

    AdamW has lr 1e-3 and weight decay 0.01 in every paper that uses it (igd, d3hr), at any class
    count; epochs and batch are the table's.
    """
    if table == "d3hr":
        return _d3hr(ipc)
    epochs = idc_epochs(num_classes, ipc)
    forced = num_classes > FORCED_ABOVE[table]
    lr, weight_decay = (0.1, 1e-4) if forced else (0.01, 5e-4)
    if optimizer == "adamw":
        lr, weight_decay = 1e-3, 0.01
    tests = 4 if table == "idc" else 100
    evaluations = None if ipc is None else tests
    return Published(epochs, 128 if forced else 64, lr, weight_decay, evaluations)


def idc_epochs(num_classes: int, ipc: int | None) -> int:
    """Return the epochs of IDC and all its descendants.

    Exactly 100 classes have two thirds of them, rounded down to whole hundreds.
    """
    if ipc is None:
        return FULL_EPOCHS
    base = next((epochs for most, epochs in EPOCHS if ipc <= most), FULL_EPOCHS)
    return 2 * base // 3 // 100 * 100 if num_classes == 100 else base


def _d3hr(ipc: int | None) -> Published:
    if ipc is None:
        epochs, batch = FULL_EPOCHS, 100
    else:
        epochs = D3HR_EPOCHS.get(ipc, 1000)
        batch = next((batch for most, batch in D3HR_BATCHES if ipc <= most), 100)
    return Published(epochs, batch, 1e-3, 0.01, evaluations=None, tested=D3HR_TESTED)
