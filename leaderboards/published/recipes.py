"""What the rows of the ledger mean here: their recipe, and our names for what they are of.

All of it is read from what the sources and their code say (`read`) or concluded from it
(`derived`); docs/protocols has the evidence. A number whose recipe no source states has none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from leaderboards.published.ledger import Basis, Published

METHODS = {
    "Random": "random",
    "K-Center": "kcenter",
    "Herding": "herding",
    "K-means (nearest real sample)": "kmeans",
    "DiT": "dit",
    "Minimax": "minimax",
    "MGD3": "mgd3",
    "DiT-IGD": "igd",
    "Minimax-IGD": "igd/minimax",
    "DAP": "dap",
    "ManifoldGD": "manifoldgd",
    "IMS3": "ims3",
    "IMS3 (IM only)": "im",
    "IMS3 (S3 only)": "s3",
    "Full": "full",
}
"""Published method to ours; the others are published only."""

SETTINGS = ("paper", "code")
"""Presets that answer to the number of their method too, as in `mgd3/paper`."""

DATASETS = {
    "ImageNette": "imagenette",
    "ImageWoof": "imagewoof",
    "ImageIDC": "imageidc",
    "ImageNet-100": "imagenet100",
    "ImageNet-1K": "imagenet1k",
} | {f"ImageNet subset {letter}": f"imagenet-{letter.lower()}" for letter in "ABCDE"}

SAME_CLASSES = {
    f"{name}2{pixels}": name
    for name in ("imagenette", "imagewoof")
    for pixels in ("", "-320", "-160")
}
"""Sets of the same classes in another split."""

OWN_STUDENTS = {
    "ConvNet-6": "convnet6",
    "ConvNet-5": "convnet5",
    "ConvNet-6 (128px)": "convnet6",
    "ConvNet-4 (64px)": "convnet4",
    "ResNetAP-10": "resnetap10",
}
RESNETS = {"ResNet-18": "resnet18", "ResNet-50": "resnet50", "ResNet-101": "resnet101"}
"""This project's own under hard labels, torchvision's under soft ones and in `hard/d3hr`."""
TORCHVISION = RESNETS | {"MobileNet-V2": "mobilenet_v2", "EfficientNet-B0": "efficientnet_b0"}

METRICS = {"top1": "top1_best"}
"""Every source reports the best epoch. Image metrics have none: extractor and real split of the
published ones are not stated."""

GENERATORS = {"DiT-XL/2": "dit-xl-2-256", "Stable Diffusion": "sd-v1-5"}
"""By the text before brackets, and without a version."""


class Rule(NamedTuple):
    """The recipe of the rows that it fits; "" and () fit any."""

    sources: tuple[str, ...]
    """Beginnings of sources."""
    protocol: str
    recipe: str
    basis: Basis = ""
    methods: tuple[str, ...] = ()
    dataset: str = ""
    locator: str = ""
    """Beginning of the locator."""

    def fits(self, row: Published) -> bool:
        """Return whether this is the rule of the row, if no earlier one is."""
        return (
            row.source.startswith(self.sources or "")
            and self.protocol in ("", row.protocol)
            and (not self.methods or row.method.startswith(self.methods))
            and self.dataset in ("", row.dataset)
            and row.locator.startswith(self.locator)
        )


RULES = (
    Rule((), "none", ""),  # neither hard nor soft: what was done is not stated
    # Hard labels: A, the validator of Minimax with SGD, and B, that of IGD with AdamW.
    Rule(("2505.18963",), "hard", "", locator="Table 4"),  # means of four networks, as GLaD has
    Rule(("2510.17421",), "hard", "", methods=("MGD3",)),  # mixes quoted cells with others
    Rule(("2510.17421",), "hard", "", dataset="ImageNet-1K"),  # a bar of a figure of soft labels
    Rule(("2311.15529", "github-issue:vimar-gu/MinimaxDiffusion"), "hard", "hard/minimax", "read"),
    Rule(("2506.23580", "2602.23295"), "hard", "hard/minimax", "read"),
    Rule(("2505.18963", "2606.21705", "2605.03877"), "hard", "hard/minimax", "derived"),
    Rule(("github:StartZer0/",), "hard", "hard/minimax", "derived"),
    Rule(("ICLR2025:0whx8MhysK", "github-issue:mchen725/DD_IGD"), "hard", "hard/igd", "read"),
    Rule(("2510.17421", "2604.00519"), "hard", "hard/igd", "derived"),
    Rule(("2512.03844",), "hard", "hard/coda", "read"),
    Rule(("2205.14959",), "hard", "hard/idc", "read"),
    # Not stated, or recipes of their own.
    Rule(("2603.07476", "2512.00308", "2501.07681", "CVPR2026:Xu", "2601.21296"), "hard", ""),
    # Soft labels.
    Rule(("AAAI2026:37447", "2603.07476", "2604.00519", "2501.07681", "2512.00308"), "soft", ""),
    Rule(("2603.13960", "ICLR2025:0whx8MhysK"), "soft", ""),
    Rule((), "soft", "", methods=("G-VBSM", "EDC", "TESLA", "D3S", "DWA", "TEDDY")),  # own teachers
    Rule(("2306.13092", "2407.15138"), "soft", "soft/fkd", "read"),
    Rule(("2311.18838", "2404.07976"), "soft", "soft/fkd", "derived"),
    Rule((), "soft", "soft/fkd", "derived", ("SRe2L", "D4M", "CDA", "SCDD"), "ImageNet-1K"),
    Rule(("2506.23580",), "soft", "soft/vlcp", "read", methods=("VLCP",)),
    Rule(("2312.03526", "2311.15529", "2506.22637", "2506.23580"), "soft", "soft/rded", "read"),
    Rule(("2601.21296", "2505.18963", "2606.21705"), "soft", "soft/rded", "derived"),
    Rule(("2605.03877", "2510.17421"), "soft", "soft/rded", "derived"),
    Rule(("2505.18399",), "soft", "soft/d3hr", "read"),
)
"""The first that fits counts; a row without one has no recipe."""


def rule_of(row: Published) -> Rule | None:
    """Return the rule that says which recipe a row was made with; None without any."""
    return next((rule for rule in RULES if rule.fits(row)), None)


def recipe_of(row: Published) -> str:
    """Return the recipe of a row, "" where none is stated."""
    rule = rule_of(row)
    return rule.recipe if rule else ""


def student_of(row: Published) -> str:
    """Return the head of our student's identity, "" if we have none.

    Without a recipe it is the one of the row's kind of labels.
    """
    if row.student in OWN_STUDENTS:
        return OWN_STUDENTS[row.student]
    if row.student in RESNETS and row.protocol != "soft" and recipe_of(row) != "hard/d3hr":
        return RESNETS[row.student]
    return f"torchvision/{TORCHVISION[row.student]}" if row.student in TORCHVISION else ""


def head(identity: str) -> str:
    """Return the canonical name that an identity begins with, without revision and fields."""
    return re.split(r"[@+]", identity, maxsplit=1)[0]


def method_of(label: str) -> str:
    """Return our name of the method that a label is of, "" for one without published numbers."""
    name = label.partition("+")[0]
    stem, _, setting = name.rpartition("/")
    known = METHODS.values()
    return name if name in known else stem if stem in known and setting in SETTINGS else ""


def dataset_of(name: str) -> str:
    """Return the set of ours that has the same classes and published numbers, often itself."""
    return SAME_CLASSES.get(name, name)
