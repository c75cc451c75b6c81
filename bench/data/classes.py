"""Class lists in label order, and words for WordNet ids."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from bench.errors import BenchError


@cache
def class_list(name: str) -> tuple[str, ...]:
    """Return the WordNet ids of a view of ImageNet in label order: label k is item k.

    The files in `class_lists/` say where each order comes from. `imagenet1k` is the 1000 ids of
    ILSVRC2012 sorted as strings, read from timm's data files.
    """
    if name == "imagenet1k":
        return tuple(_timm_lines("imagenet_synsets.txt"))
    path = Path(__file__).with_name("class_lists") / f"{name}.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def class_words(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return a word for every class: the first lemma of a WordNet id, any other id as it is."""
    words = _lemmas()
    return tuple(words.get(class_id, class_id) for class_id in classes)


@cache
def _lemmas() -> dict[str, str]:
    rows = (line.partition("\t") for line in _timm_lines("imagenet_synset_to_lemma.txt"))
    return {wnid: lemmas.partition(",")[0].strip() for wnid, _, lemmas in rows}


def _timm_lines(file: str) -> list[str]:
    # find_spec does not import timm, which would bring torch along.
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.origin is None:
        raise BenchError("ImageNet's class names come with `timm`: run `pip install timm`.")
    path = Path(spec.origin).parent / "data" / "_info" / file
    if not path.is_file():
        raise BenchError(f"timm has no {file}: install another version of `timm` (1.0.9 or later).")
    return path.read_text(encoding="utf-8").splitlines()
