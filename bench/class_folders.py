"""Which sub-folder of a foreign image folder is which class.

Tools name class folders by class id (`n01440764`), by class name (`tench`), by zero-padded label
(`00000`) or by plain label (`0`). One of these schemes has to fit all folders, and no two may fit
with different labels: a permuted label costs all accuracy and nobody sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.folder import is_image, up_to_three
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.sets import DatasetCard


def images_by_class(root: Path, card: DatasetCard) -> list[tuple[str, ...]]:
    """Return the image files of every class, in label order; other and hidden files stay out.

    Names are relative to `root` with forward slashes, in lexicographic order. Raises UsageError if
    the folder is missing, no naming scheme or more than one fits, or images lie elsewhere in it.
    """
    if not root.is_dir():
        raise UsageError(
            f"Expected a folder of images, in one sub-folder per class, at {str(root)!r}, which "
            f"{'is a file' if root.exists() else 'does not exist'}: check the path."
        )
    inside = _visible(root)
    stray = next((path for path in inside if path.is_file() and is_image(path.name)), None)
    if stray is not None:
        raise UsageError(f"{stray} lies in no class folder, so its label is unknown: move it.")
    folders = match_classes([path.name for path in inside if path.is_dir()], card, str(root))
    return [_image_names(root, folder) for folder in folders]


def match_classes(present: Sequence[str], card: DatasetCard, where: str) -> tuple[str, ...]:
    """Return the folder names in label order; `where` names the place in messages.

    Raises UsageError if no naming scheme fits all folders and all classes, or if several fit with
    different labels.
    """
    schemes = _schemes(present, card)
    fitting: dict[tuple[str, ...], str] = {}
    for scheme, folders in schemes.items():
        complete = tuple(folder for folder in folders if folder is not None)
        if len(complete) == card.num_classes == len(present):
            fitting.setdefault(complete, scheme)
    if not fitting:
        raise _no_scheme(present, card, where, schemes)
    if len(fitting) > 1:
        raise UsageError(
            f"The folders in {where} can be read as {' or as '.join(fitting.values())} of "
            f"{card.name!r}, with different labels: rename them to the class ids "
            f"({card.classes[0]!r}, ...)."
        )
    return next(iter(fitting))


def _schemes(present: Sequence[str], card: DatasetCard) -> dict[str, list[str | None]]:
    """Return, for every naming scheme, the folder of each class (None: there is none)."""
    exact = {name: name for name in present}
    spoken = {_spoken(name): name for name in present}
    widest = max((len(name) for name in present), default=1)
    labels = range(card.num_classes)
    names = [_spoken(name) for name in card.class_names]
    schemes = {"class ids": [exact.get(class_id) for class_id in card.classes]}
    # Two classes of one name (the cranes of ImageNet) cannot be told apart by it.
    if len(set(names)) == len(names):
        schemes["class names"] = [spoken.get(name) for name in names]
    schemes["zero-padded labels"] = [exact.get(f"{label:0{widest}d}") for label in labels]
    schemes["plain labels"] = [exact.get(str(label)) for label in labels]
    return schemes


def _spoken(name: str) -> str:
    """Return a class name as people read it: case and underscores do not matter."""
    return " ".join(name.replace("_", " ").casefold().split())


def _no_scheme(
    present: Sequence[str],
    card: DatasetCard,
    where: str,
    schemes: dict[str, list[str | None]],
) -> UsageError:
    """Return the error that compares the folders with the scheme that fits best."""
    scheme = max(schemes, key=lambda name: sum(folder is not None for folder in schemes[name]))
    folders = schemes[scheme]
    expected = (
        f"{where} should have one folder for each of the {card.num_classes} classes of "
        f"{card.name!r}, named by class id ({card.classes[0]!r}, ...), class name, or label (00000 "
        "or 0)"
    )
    if not present:
        return UsageError(f"{expected}; it has no folders.")
    if not any(folders):
        return UsageError(f"{expected}, got {up_to_three(present)}: rename them.")
    missing = [
        class_id for class_id, folder in zip(card.classes, folders, strict=True) if folder is None
    ]
    extra = sorted(set(present) - {folder for folder in folders if folder is not None})
    faults = [f"class {up_to_three(missing)} has no folder"] if missing else []
    faults += [f"folder {up_to_three(extra)} is no class"] if extra else []
    return UsageError(f"{expected}; read as {scheme}, {' and '.join(faults)}: add, rename or move.")


def _image_names(root: Path, folder: str) -> tuple[str, ...]:
    inside = _visible(root / folder)
    nested = next((path for path in inside if path.is_dir()), None)
    if nested is not None:
        raise UsageError(
            f"A class folder should hold images only, but {nested} is a folder: flatten it."
        )
    return tuple(f"{folder}/{path.name}" for path in inside if is_image(path.name))


def _visible(folder: Path) -> list[Path]:
    """Return what lies in a folder in lexicographic order, hidden files left out."""
    try:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read ({error.strerror}): look at its rights."
        ) from error
    return sorted(inside, key=lambda path: path.name)
