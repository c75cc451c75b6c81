"""Which papers stand behind methods, protocols, sets, students and scores, by registry name.

Keys are those of `references.bib`. A name without a paper has (), and its reason in `NO_PAPER`.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "method", "protocol", "dataset", "student", "generator", "extractor", "score", "part"
]
Keys = tuple[str, ...]

METHODS: dict[str, Keys] = {
    "random": (),
    "first": (),
    "full": (),
    "herding": ("welling2009herding", "rebuffi2017icarl"),
    "kcenter": ("gonzalez1985clustering", "sener2018coreset"),
    "kmeans": ("cui2022dcbench",),
    "dit": ("peebles2023dit",),
    "dap": ("su2026dap",),
    "dap/paper": ("su2026dap",),
    "igd": ("chen2025igd",),
    "igd/minimax": ("chen2025igd", "gu2024minimax"),
    "igd/paper": ("chen2025igd",),
    "im": ("wang2026ims3",),
    "im/paper": ("wang2026ims3",),
    "ims3": ("wang2026ims3",),
    "ims3/code": ("wang2026ims3",),
    "manifoldgd": ("roy2026manifoldgd",),
    "manifoldgd/code": ("roy2026manifoldgd",),
    "manifoldgd/paper": ("roy2026manifoldgd",),
    "mgd3": ("chansantiago2025mgd3",),
    "mgd3/code": ("chansantiago2025mgd3",),
    "mgd3/paper": ("chansantiago2025mgd3",),
    "minimax": ("gu2024minimax",),
    "minimax/code": ("gu2024minimax",),
    "s3": ("wang2026ims3",),
    "s3/code": ("wang2026ims3",),
    "s3/paper": ("wang2026ims3",),
}

PROTOCOLS: dict[str, Keys] = {
    "hard/minimax": ("gu2024minimax", "kim2022idc"),
    "hard/igd": ("chen2025igd", "gu2024minimax"),
    "hard/ims3": ("wang2026ims3", "gu2024minimax"),
    "hard/d3hr": ("zhao2025d3hr",),
    "hard/coda": ("zhou2026coda", "gu2024minimax"),
    "hard/idc": ("kim2022idc",),
    "soft/rded": ("sun2024rded", "yin2023sre2l"),
    "soft/vlcp": ("zou2025vlcp", "sun2024rded"),
    "soft/fkd": ("yin2023sre2l", "shen2022fkd", "su2024d4m"),
    "soft/d3hr": ("zhao2025d3hr",),
    "soft/d3hr-five": ("zhao2025d3hr",),
    "fidelity": (),
}

_ILSVRC, _FASTAI = "russakovsky2015imagenet", "howard2019imagenette"

DATASETS: dict[str, Keys] = {
    "shapenette": (),
    "shapewoof": (),
    "cifar10": ("krizhevsky2009cifar",),
    "tiny-imagenet": ("le2015tiny", _ILSVRC),
    "imagenet1k": (_ILSVRC,),
    "imagenet100": (_ILSVRC, "kim2022idc"),
    "imageidc": (_ILSVRC, "kim2022idc"),
    **{f"imagenet-{letter}": (_ILSVRC, "cazenavette2023glad") for letter in "abcde"},
    **{
        f"{name}{split}": (_ILSVRC, _FASTAI)
        for name in ("imagenette", "imagewoof")
        for split in ("", "2", "2-320", "2-160")
    },
}

STUDENTS: dict[str, Keys] = {
    r"convnet\d+": ("zhao2021gradient",),
    r"resnet\d+": ("he2016resnet",),
    r"resnetap\d+": ("he2016resnet", "kim2022idc"),
    r"(torchvision/)?mobilenet_v2": ("sandler2018mobilenetv2",),
    r"torchvision/resnet(18|34|50|101|152)": ("he2016resnet",),
    r"(torchvision/|timm/)?efficientnet_b[0-7]": ("tan2019efficientnet",),
}
"""By patterns that the whole name has to match."""

GENERATORS: dict[str, Keys] = {
    "embedded": (),
    "dit-xl-2-256": ("peebles2023dit",),
    "sd-v1-5": ("rombach2022latent",),
}

EXTRACTORS: dict[str, Keys] = {
    "embedded": (),
    "inception-pytorch-fid": ("heusel2017fid",),
    "inception-clean": ("parmar2022cleanfid",),
    "inception-clean-legacy": ("parmar2022cleanfid",),
    "resnet18-imagenet": ("he2016resnet", _ILSVRC),
}
"""Beside these there are students that were trained on the set: `convnet3@32`."""

SCORES: dict[str, Keys] = {
    **dict.fromkeys(("top1_last", "top1_best", "nearest_real"), ()),
    **dict.fromkeys(("images", "bytes", "seconds", "forwards", "stored_bytes"), ()),
    "fid": ("heusel2017fid",),
    "fid_extrapolated": ("chong2020unbiased",),
    "kid": ("binkowski2018demystifying",),
    **dict.fromkeys(("precision", "recall"), ("kynkaanniemi2019precision",)),
    **dict.fromkeys(("density", "coverage"), ("naeem2020prdc",)),
    "mmd": ("gretton2012kernel", "roy2026manifoldgd"),
    **dict.fromkeys(("embedding_l2", "embedding_cosine"), ("roy2026manifoldgd",)),
    **dict.fromkeys(("representativeness", "diversity"), ("roy2026manifoldgd",)),
    "authenticity": ("alaa2022faithful",),
}

PARTS: dict[str, Keys] = {
    "minimax": ("gu2024minimax", "xie2023difffit"),
    "im": ("wang2026ims3", "xie2023difffit"),
    "s3": ("wang2026ims3",),
    "ddim": ("song2021ddim",),
    "ddpm": ("ho2020ddpm", "nichol2021improved"),
    "cutmix": ("yun2019cutmix",),
    "mixup": ("zhang2018mixup",),
    "randaugment": ("cubuk2020randaugment",),
}
"""What any method with a generator can carry, and what training is made of."""

_OURS, _PLAIN = "part of this package", "a number that needs no source"

NO_PAPER: dict[str, str] = {
    "random": "drawn at random; papers name no procedure",
    "first": "the first files of every class; released code has it, no paper",
    "full": "all training images",
    "fidelity": "the papers are those of its scores",
    **dict.fromkeys(("shapenette", "shapewoof", "embedded"), _OURS),
    **dict.fromkeys(("top1_last", "top1_best", "nearest_real"), _PLAIN),
    **dict.fromkeys(("images", "bytes", "seconds", "forwards", "stored_bytes"), _PLAIN),
}
"""Name to why it has no paper."""

SOURCES: dict[str, str] = {
    "2205.14959": "kim2022idc",
    "2306.13092": "yin2023sre2l",
    "2311.15529": "gu2024minimax",
    "2312.03526": "sun2024rded",
    "2407.15138": "su2024d4m",
    "2505.18399": "zhao2025d3hr",
    "2505.18963": "chansantiago2025mgd3",
    "2506.23580": "zou2025vlcp",
    "2510.17421": "su2026dap",
    "2512.03844": "zhou2026coda",
    "2602.23295": "roy2026manifoldgd",
    "2603.13960": "wang2026ims3",
    "ICLR2025:0whx8MhysK": "chen2025igd",
}
"""Source of a published number, as the ledger has it, to the key of its paper."""

_TABLES: dict[Kind, dict[str, Keys]] = {
    "method": METHODS,
    "protocol": PROTOCOLS,
    "dataset": DATASETS,
    "generator": GENERATORS,
    "extractor": EXTRACTORS,
    "score": SCORES,
    "part": PARTS,
}


def keys_of(kind: Kind, name: str) -> Keys | None:
    """Return keys of `references.bib`; () where there is no paper, None for what is not known."""
    if kind == "student":
        return _of_student(name)
    if kind == "extractor" and name not in EXTRACTORS and "@" in name:
        return _of_student(name.partition("@")[0])
    return _TABLES[kind].get(name)


def _of_student(name: str) -> Keys | None:
    fitting = (keys for pattern, keys in STUDENTS.items() if re.fullmatch(pattern, name))
    return next(fitting, None)
