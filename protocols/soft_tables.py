"""What the soft-label papers published for each set, IPC, student and teacher, as literals.

    rded        LINs-lab/RDED @ 3f6453d, argument.py, validation/main.py
    vlcp        the same code as of VLCP @ d0060eb, 04_evaluation/RDED: its scripts
    fkd         VILA-Lab/SRe2L @ 8d00cba, relabel/, validate/train_FKD.py; D4M @ da35d10
    d3hr        lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate.py, argument.py
    d3hr-five   the same, validation/validate_fiveteacher.py

The official code looks sets up by name; here the class count and the pixels stand for the name, so
that every set has a row. What they do not state is ours and marked so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bench.contracts import Student

Table = Literal["rded", "vlcp", "fkd", "d3hr", "d3hr-five"]

EPOCHS = {"rded": 300, "vlcp": 500, "fkd": 300, "d3hr": 300, "d3hr-five": 300}
D3HR_SMALL_EPOCHS = 400
"""Epochs of d3hr to 32 pixels (CIFAR)."""
SMALL = 32
"""Pixels per side of CIFAR."""
MEDIUM = 64
"""Pixels per side of Tiny-ImageNet."""

BATCHES: dict[str, tuple[tuple[int, int], ...]] = {
    "rded": ((9, 10), (49, 50)),
    "d3hr": ((9, 15), (49, 50)),
}
"""Largest IPC and its batch, else 100, as for full data. RDED states IPC 1, 10 and 50 and crashes
at any other; that one in between takes the batch of the next lower one is ours."""
LARGEST_BATCH = 100
FKD_BATCH = 1024
"""Learned in two passes of 512, so fewer images are one pass and not two smaller ones."""
DOUBLED = {"rded": (100, 1000), "d3hr": (100,)}
"""Class counts whose batch is doubled."""
TINY_CLASSES = 200
"""Classes of Tiny-ImageNet, whose batch is 100 at every IPC in rded."""

RATES = {
    **dict.fromkeys(("convnet3", "convnet4", "convnet5", "convnet6"), 1e-3),
    **dict.fromkeys(("resnet18", "resnet50", "resnet101"), 1e-3),
    "efficientnet_b0": 2e-3,
    "mobilenet_v2": 2.5e-3,
    "vgg11": 5e-4,
    **dict.fromkeys(("alexnet", "vit_b_16", "swin_v2_t"), 1e-4),
}
"""AdamW's learning rate by student; any other one gets 0 in the official code and never learns."""
ATTENTIVE = ("vit", "swin", "deit", "beit", "mixer", "maxvit")
"""Beginnings of families that get the rate of vit_b_16 where they are not listed: ours."""
OTHER_RATES = (1e-4, 1e-3)
"""The rate of these families, and of every other student: ours."""
FKD_RATE = 1e-3
"""AdamW's learning rate of every student."""
DECAY = 0.01
SGD = {"rded": (0.1, 1e-4), "fkd": (1.024, 3e-5)}
"""Learning rate and weight decay of SGD; fkd has momentum 0.875 with it, a field of its own."""
CIFAR100_CONVNETS = (25, 2e-3)
"""Batch and rate of convnet3 taught by convnet3 on 100 classes of 32 pixels."""

TESTED_LAST = {"d3hr": 9, "d3hr-five": 19}
"""Only so many last epochs are tested, each of them."""
EVERY = 10
"""Epochs between two tests in the other tables; rded and vlcp test the last fifth only."""

TEMPERATURES = {"cutmix": 20.0, "mixup": 4.0, "none": 20.0}
"""By the kind of mixing, whatever the command line says; without mixing ours."""
ALPHAS = {"cutmix": 1.0, "mixup": 0.8, "none": 1.0}

MEMBERS = {"d3hr-five": 5}
"""Teachers whose logits are averaged; 1 in every other table."""


@dataclass(frozen=True)
class Published:
    """What a table says for one set, IPC, student and teacher."""

    epochs: int
    batch: int
    lr: float
    weight_decay: float
    patches: int


def published(
    table: Table,
    num_classes: int,
    resolution: int,
    ipc: int | None,
    student: Student | None,
    teacher: Any,
    optimizer: str = "adamw",
) -> Published:
    """Return the row of a table; `ipc` of None is full data, `resolution` what students see."""
    lr, decay = rate(student, table)[0], DECAY
    if optimizer == "sgd":
        lr, decay = SGD["fkd" if table == "fkd" else "rded"]
    batch = _batch(table, num_classes, resolution, ipc)
    convnets = name_of(student) == network_of(teacher) == "convnet3"
    if table in ("rded", "vlcp") and convnets and (num_classes, resolution) == (100, SMALL):
        batch, lr = CIFAR100_CONVNETS[0], CIFAR100_CONVNETS[1] if optimizer == "adamw" else lr
    small = table == "d3hr" and resolution <= SMALL
    return Published(
        epochs=D3HR_SMALL_EPOCHS if small else EPOCHS[table],
        batch=batch if ipc is None or table == "fkd" else min(batch, ipc * num_classes),
        lr=lr,
        weight_decay=decay,
        patches=_patches(table, resolution),
    )


def tests(table: Table, epochs: int) -> tuple[int, int]:
    """Return the number of tests of a whole training, and after how many epochs they begin."""
    if table in TESTED_LAST:
        return epochs, max(0, epochs - TESTED_LAST[table])
    after = 0 if table == "fkd" else min(epochs - 1, epochs * 8 // 10 + 1)
    return max(1, epochs // EVERY), after


def rate(student: Student | None, table: Table) -> tuple[float, str]:
    """Return AdamW's learning rate of a student, and whether it is "published" or "ours"."""
    if table == "fkd":
        return FKD_RATE, "published"
    name = name_of(student)
    if name in RATES:
        return RATES[name], "published"
    family = "" if student is None else student.family
    return OTHER_RATES[not family.startswith(ATTENTIVE)], "ours"


def image_size(pixels: int, num_classes: int, student: Student | None, teacher: Any) -> int:
    """Return the pixels per side that a student sees of a set of `pixels` x `pixels`.

    RDED halves those of three sets for its deeper ConvNets: 10 classes, 100 classes, at 224.
    """
    deep = {"convnet5", "convnet6"} & {name_of(student), network_of(teacher)}
    return 128 if pixels == 224 and num_classes in (10, 100) and deep else pixels


def name_of(student: Student | None) -> str:
    """Return what a student is called, without the library it is from."""
    return str(getattr(student, "name", "")).rpartition("/")[2]


def network_of(teacher: Any) -> str:
    """Return the network of a teacher, without its fields and library; "" where it has none."""
    return str(getattr(teacher, "network", "")).partition("[")[0].rpartition("/")[2]


def _batch(table: Table, num_classes: int, resolution: int, ipc: int | None) -> int:
    if table == "fkd":
        return FKD_BATCH
    code = "d3hr" if table.startswith("d3hr") else "rded"
    if code == "rded" and (num_classes, resolution) == (TINY_CLASSES, MEDIUM):
        return LARGEST_BATCH
    sizes = () if ipc is None else BATCHES[code]
    batch = next((batch for most, batch in sizes if ipc is not None and ipc <= most), LARGEST_BATCH)
    return 2 * batch if num_classes in DOUBLED[code] else batch


def _patches(table: Table, resolution: int) -> int:
    whole_to = {"rded": MEDIUM, "vlcp": SMALL}.get(table)
    return 1 if whole_to is None or resolution <= whole_to else 2


def in_words(table: Table, optimizer: str, mix: str) -> dict[str, str]:
    """Return what a table says of every field it fills, for people."""
    tested = TESTED_LAST.get(table)
    whole_to = {"rded": MEDIUM, "vlcp": SMALL}.get(table)
    late = table in ("rded", "vlcp")
    return {
        "resolution": "that of the set; 128 for convnet5 and convnet6 on 10 or 100 classes of 224",
        "patches": "1" if whole_to is None else f"1 to {whole_to} pixels, 2 above",
        "crop_scale": "(1 / patches, 1)",
        "mix_alpha": str(ALPHAS[mix]),
        "lr": _rates_in_words(table, optimizer),
        "weight_decay": str(
            SGD["fkd" if table == "fkd" else "rded"][1] if optimizer == "sgd" else DECAY
        ),
        "epochs": f"{EPOCHS[table]}"
        + (f", {D3HR_SMALL_EPOCHS} to {SMALL} pixels" if table == "d3hr" else ""),
        "batch": _batches_in_words(table),
        "evaluations": "every epoch" if tested else f"one every {EVERY} epochs",
        "evaluate_after": f"all but the last {tested} epochs"
        if tested
        else ("four fifths of the epochs and one more" if late else "0"),
        "temperature": f"{TEMPERATURES[mix]:g}",
        "norm": "batch",
    }


def _batches_in_words(table: Table) -> str:
    if table == "fkd":
        return str(FKD_BATCH)
    code = "d3hr" if table.startswith("d3hr") else "rded"
    sizes = ", ".join(f"{batch} to IPC {most}" for most, batch in BATCHES[code])
    twice = " and ".join(str(count) for count in DOUBLED[code])
    tiny = "" if code == "d3hr" else f"; {LARGEST_BATCH} for {TINY_CLASSES} classes of {MEDIUM}"
    return (
        f"{sizes}, {LARGEST_BATCH} above and for full data; twice that for {twice} classes{tiny}; "
        "at most all images"
    )


def _rates_in_words(table: Table, optimizer: str) -> str:
    if optimizer == "sgd":
        return str(SGD["fkd" if table == "fkd" else "rded"][0])
    if table == "fkd":
        return str(FKD_RATE)
    by_rate: dict[float, list[str]] = {}
    for name, lr in RATES.items():
        by_rate.setdefault(lr, []).append(name)
    listed = "; ".join(f"{lr} for {', '.join(names)}" for lr, names in by_rate.items())
    low, high = OTHER_RATES
    return f"{listed}; not published: {low} for {', '.join(ATTENTIVE)}, {high} for every other"
