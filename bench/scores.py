"""Scores: how each number that a record holds is called, read and printed, in one table.

A new score needs an entry here and nothing else: tables, pages, charts and the accuracy gate
follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Score:
    """How to read and print a score, wherever that is done."""

    title: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    ranked: bool
    note: str = ""
    group: Literal["accuracy", "images", "cost"] = "accuracy"
    """What it says something of: a student, the images themselves, or what they cost."""
    block: str = ""
    """Heading of the columns it stands among, besides protocol and student."""
    main: bool = True
    """Printed in tables; the others stand in files, in reports and where all are asked for."""
    counted: bool = False
    """Depends on the number of distilled images, which its title therefore says."""


FID_NOTE = "Frechet distance of Gaussians; biased upward at few images: compare at equal N only"

SCORES: dict[str, Score] = {
    "top1_last": Score(
        "top-1", "higher", "%", 1, ranked=True, note="accuracy after the last epoch"
    ),
    "top1_best": Score(
        "best epoch",
        "higher",
        "%",
        1,
        ranked=False,
        note="highest accuracy of any epoch: chosen on the test set, shown and never ranked",
    ),
    "fid": Score(
        "FID",
        "lower",
        "",
        1,
        ranked=True,
        note=FID_NOTE,
        group="images",
        block="distribution",
        counted=True,
    ),
    "fid_extrapolated": Score(
        "FID to infinity",
        "lower",
        "",
        1,
        ranked=False,
        note="a line in 1/N; still too high where N is far below the dimension; may be negative",
        group="images",
        block="distribution",
        counted=True,
    ),
    "kid": Score(
        "KID",
        "lower",
        "",
        4,
        ranked=False,
        note="unbiased for independent images; balanced sets come out below 0, by about 1/N",
        group="images",
        block="distribution",
        counted=True,
    ),
    "precision": Score(
        "precision",
        "higher",
        "",
        2,
        ranked=False,
        note="share of distilled images within a real neighbourhood",
        group="images",
        block="distribution",
        main=False,
    ),
    "recall": Score(
        "recall",
        "higher",
        "",
        2,
        ranked=False,
        note="share of real images within a distilled neighbourhood; grows with N",
        group="images",
        block="distribution",
        main=False,
        counted=True,
    ),
    "density": Score(
        "density",
        "higher",
        "",
        2,
        ranked=False,
        note="real neighbourhoods that a distilled image lies in, over their size",
        group="images",
        block="distribution",
        main=False,
    ),
    "coverage": Score(
        "coverage",
        "higher",
        "",
        2,
        ranked=False,
        note="share of real images with a distilled one in their neighbourhood; grows with N",
        group="images",
        block="distribution",
        main=False,
        counted=True,
    ),
    "embedding_l2": Score(
        "embedding l2",
        "lower",
        "",
        3,
        ranked=True,
        note="distance of the mean features, all classes pooled",
        group="images",
        block="embedding",
    ),
    "embedding_cosine": Score(
        "embedding cosine",
        "lower",
        "",
        4,
        ranked=False,
        note="1 - cosine of the mean features",
        group="images",
        block="embedding",
        main=False,
    ),
    "mmd": Score(
        "MMD",
        "lower",
        "",
        4,
        ranked=False,
        note="RBF kernel; root of an estimate as that of KID, 0 where that is negative",
        group="images",
        block="embedding",
        main=False,
        counted=True,
    ),
    "representativeness": Score(
        "representativeness",
        "higher",
        "",
        3,
        ranked=False,
        note="cosine of the worst distilled image to its nearest real one: compare at equal N only",
        group="images",
        block="embedding",
        main=False,
        counted=True,
    ),
    "diversity": Score(
        "diversity",
        "higher",
        "",
        3,
        ranked=False,
        note="1 - cosine of the most alike pair: compare at equal N only",
        group="images",
        block="embedding",
        main=False,
        counted=True,
    ),
    "nearest_real": Score(
        "nearest real",
        "higher",
        "",
        3,
        ranked=False,
        note="mean distance to the nearest real image of the class; 0 is a copy, as a selection is",
        group="images",
        block="embedding",
        main=False,
    ),
    "authenticity": Score(
        "authenticity",
        "higher",
        "%",
        0,
        ranked=False,
        note="share of images farther from the nearest real one than that one from its own",
        group="images",
        block="embedding",
        main=False,
    ),
    "images": Score("images", "lower", "", 0, ranked=False, note="distilled images", group="cost"),
    "bytes": Score(
        "size", "lower", "B", 0, ranked=False, note="of the images as stored", group="cost"
    ),
    "seconds": Score(
        "distil", "lower", "s", 1, ranked=False, note="without shared artefacts", group="cost"
    ),
    "forwards": Score(
        "forwards",
        "lower",
        "per image",
        0,
        ranked=False,
        note="network evaluations of the generator, a backward pass counted as two",
        group="cost",
    ),
    "stored_bytes": Score(
        "stored", "lower", "B", 0, ranked=False, note="images + labels + teacher", group="cost"
    ),
}
"""Every score by name, in the order of columns."""

CARD_WORDS: dict[str, str] = {
    "extractor": "features of",
    "weights": "weights",
    "resize": "resized",
    "split": "real images of",
    "real": "real images",
    "distilled": "distilled images",
    "dtype": "computed in",
    "neighbours": "neighbours",
    "mosaic": "tiles per side",
    "teacher": "teacher",
}
"""The facts of metric cards, in words."""
