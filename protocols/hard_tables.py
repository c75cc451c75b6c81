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
SGD = ((0.01, 5e-4, 64), (0.1, 1e-4, 128))
"""Learning rate, weight decay and batch of SGD: as given, and as forced by the class count."""
ADAMW = (1e-3, 0.01)
"""Learning rate and weight decay in every paper that uses AdamW (igd, d3hr), at any class count."""
TESTS = {"minimax": 100, "idc": 4}
"""How often a student is tested; argument.py of minimax, and test.py of idc."""

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

    AdamW changes the learning rate and the weight decay; epochs and batch are the table's.
    """
    if table == "d3hr":
        return _d3hr(ipc)
    epochs = idc_epochs(num_classes, ipc)
    lr, weight_decay, batch = SGD[num_classes > FORCED_ABOVE[table]]
    if optimizer == "adamw":
        lr, weight_decay = ADAMW
    evaluations = None if ipc is None else TESTS[table]
    return Published(epochs, batch, lr, weight_decay, evaluations)


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
    return Published(epochs, batch, *ADAMW, evaluations=None, tested=D3HR_TESTED)


def in_words(table: Table, optimizer: str) -> dict[str, str]:
    """Return what a table says of every field it fills, for people."""
    return _d3hr_in_words() if table == "d3hr" else _idc_in_words(table, optimizer)


def _idc_in_words(table: Table, optimizer: str) -> dict[str, str]:
    given, forced = SGD
    lr, decay, batch = (
        f"{low}, and {high} from {FORCED_ABOVE[table] + 1} classes on"
        for low, high in zip(given, forced, strict=True)
    )
    if optimizer == "adamw":
        lr, decay = map(str, ADAMW)
    by_ipc = ", ".join(f"{epochs} to IPC {most}" for most, epochs in EPOCHS)
    return {
        "norm": "batch for ResNets, else instance" if table == "idc" else "instance",
        "lr": lr,
        "weight_decay": decay,
        "epochs": f"{by_ipc}, {FULL_EPOCHS} above; with exactly 100 classes two thirds of that, in "
        f"whole hundreds; {FULL_EPOCHS} for full data",
        "batch": batch,
        "evaluations": f"{TESTS[table]}, and every epoch for full data",
        "evaluate_after": "0",
    }


def _d3hr_in_words() -> dict[str, str]:
    lr, decay = map(str, ADAMW)
    by_ipc = ", ".join(f"{epochs} for IPC {ipc}" for ipc, epochs in D3HR_EPOCHS.items())
    sizes = ", ".join(f"{batch} to IPC {most}" for most, batch in D3HR_BATCHES)
    return {
        "norm": "batch",
        "lr": lr,
        "weight_decay": decay,
        "epochs": f"{by_ipc}, 1000 for every other IPC, {FULL_EPOCHS} for full data",
        "batch": f"{sizes}, 100 above and for full data",
        "evaluations": "every epoch",
        "evaluate_after": f"all but the last {D3HR_TESTED} epochs",
    }
