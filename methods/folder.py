"""A set that another tool has made: images in one folder per class.

Reference: none; this is how any released distilled set, or one's own, enters a comparison.
Differs:   loaders of the field (vimar-gu/MinimaxDiffusion, data.py) cut a folder of more images
           to the first IPC in silence; here that has to be asked for with `take=first`. Loaders
           that number classes by sorted folder name permute labels 0, 1, 10, 2; here names decide.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from bench.class_folders import images_by_class
from bench.distilled_folder import open_distilled
from bench.errors import UsageError
from bench.manifest import MANIFEST, read_manifest, verify_files
from bench.sets import DistilledSet

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.manifest import Manifest
    from bench.sets import DatasetCard, RealSet


@dataclass(frozen=True)
class Folder:
    """Read a distilled set from `pattern`, once per seed if the pattern has `{seed}` in it.

    Sub-folders are the classes, by class id, class name or label number (see
    `bench.class_folders`). A `manifest.json` of ours is verified and its weights, soft labels and
    mosaic are kept.
    """

    revision: ClassVar[int] = 1
    uses_ipc: ClassVar[bool] = True

    pattern: str = field(metadata={"identity": False})
    """Path of the folder; `{dataset}`, `{ipc}` and `{seed}` are filled in."""
    take: Literal["exact", "first"] = "exact"
    """What a class with more images than the IPC means: an error, or its first IPC images in
    lexicographic order (0, 1, 10, 11, ..., 2)."""

    @property
    def stochastic(self) -> bool:
        """Say whether there is a folder for every seed."""
        return "{seed}" in self.pattern

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Return the method as it is; UsageError for an unknown placeholder or an IPC below 1."""
        self.path(card, ipc, 0)
        return self

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return nothing: the images are there."""
        return ()

    def path(self, card: DatasetCard, ipc: int | None, seed: int) -> Path:
        """Return the folder of one set; UsageError if the pattern cannot be filled in."""
        if not self.pattern:
            raise UsageError(
                "`folder:` needs the path of a folder, such as `folder:out/{dataset}`."
            )
        values = {"dataset": card.name, "ipc": ipc, "seed": seed}
        unknown = set(re.findall(r"\{([^{}]*)\}", self.pattern)) - set(values)
        if unknown:
            raise UsageError(
                f"`folder` knows the placeholders {{dataset}}, {{ipc}} and {{seed}}, got "
                f"{{{min(unknown)}}} in {self.pattern!r}."
            )
        if ipc is None and "{ipc}" in self.pattern:
            raise UsageError(f"{self.pattern!r} asks for an IPC, but none was given: pass `--ipc`.")
        if ipc is not None and ipc < 1:
            raise UsageError(f"The IPC (images per class) must be at least 1, got {ipc}.")
        filled = self.pattern
        for name, value in values.items():
            filled = filled.replace(f"{{{name}}}", str(value))
        return Path(filled).expanduser()

    def count(self, card: DatasetCard, seed: int = 0) -> int:
        """Return the images per class of a folder whose IPC is not given.

        Raises UsageError if classes have different numbers of images.
        """
        return len(self._names(card, None, seed)[0])

    def inputs_revision(self, card: DatasetCard, ipc: int | None, seed: int) -> str:
        """Return a hash over the names and contents of the files that `distill` would use.

        Raises UsageError if the folder is missing or ambiguous, or has too few or too many images.
        """
        root = self.path(card, ipc, seed)
        used = {name for names in self._names(card, ipc, seed) for name in names}
        manifest = _manifest(root, card)
        if manifest is not None:
            verify_files(root, manifest)
            used |= {array.path for array in manifest.arrays.values()}
        total = hashlib.sha256(f"mosaic {manifest.mosaic if manifest else 1}\n".encode())
        for name in sorted(used):
            total.update(f"{name}\0{_sha256(root / name)}\n".encode())
        return total.hexdigest()

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return the folder's images; `ipc=None` takes all if every class has as many.

        Uses nothing of `real` but its class ids and names.
        """
        import numpy as np

        from bench.images import FileImages

        card = real.card
        root = self.path(card, ipc, ctx.seed)
        per_class = self._names(card, ipc, ctx.seed)
        manifest = _manifest(root, card)
        if manifest is not None:
            verify_files(root, manifest)
            return _part(open_distilled(root, manifest), manifest, per_class)
        return DistilledSet(
            FileImages(root, tuple(name for names in per_class for name in names)),
            np.repeat(np.arange(card.num_classes), [len(names) for names in per_class]),
            card.classes,
        )

    def _names(self, card: DatasetCard, ipc: int | None, seed: int) -> list[tuple[str, ...]]:
        """Return the image files of every class that make up the set, in label order."""
        root = self.path(card, ipc, seed)
        manifest = _manifest(root, card)
        found = images_by_class(root, card)
        if manifest is not None:
            _check_listed(root, manifest, found)
        if ipc is None:
            ipc = max(1, len(found[0]))
        chosen = []
        for class_id, names in zip(card.classes, found, strict=True):
            expected = (
                f"Every class in {root} should have {ipc} image{'s' if ipc > 1 else ''}, but "
                f"{class_id!r} has {len(names)}"
            )
            if len(names) < ipc:
                raise UsageError(f"{expected}: add images or ask for a smaller IPC.")
            if len(names) > ipc and self.take == "exact":
                raise UsageError(
                    f"{expected}: ask for that IPC, or for the first {ipc} in lexicographic order "
                    "with `[take=first]` behind the folder (`--take first` in `bench score`)."
                )
            chosen.append(names[:ipc])
        return chosen


def _manifest(root: Path, card: DatasetCard) -> Manifest | None:
    """Return the folder's manifest if it has one; UsageError if it is for other classes."""
    if not (root / MANIFEST).is_file():
        return None
    manifest = read_manifest(root)
    if manifest.whole:
        raise UsageError(
            f"{root} stands for a whole training set and holds no images: name the method `full`."
        )
    if manifest.classes != card.classes:
        raise UsageError(
            f"The classes in {root / MANIFEST} are not those of {card.name!r} in label order "
            f"(first difference: {_difference(manifest.classes, card.classes)}): name the dataset "
            "that the set was made for."
        )
    return manifest


def _difference(listed: tuple[str, ...], expected: tuple[str, ...]) -> str:
    for label, (one, other) in enumerate(zip(listed, expected, strict=False)):
        if one != other:
            return f"label {label} is {one!r} there and {other!r} here"
    return f"{len(listed)} classes there and {len(expected)} here"


def _check_listed(root: Path, manifest: Manifest, found: list[tuple[str, ...]]) -> None:
    """Raise UsageError if the folder has an image that its manifest does not list."""
    listed = {file.path for file in manifest.files}
    extra = next((name for names in found for name in names if name not in listed), None)
    if extra is not None:
        raise UsageError(
            f"{root / extra} is not listed in {MANIFEST}: move the image away, or remove the "
            "manifest if the set is meant to differ from it."
        )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): mend or move it.") from error


def _part(
    whole: DistilledSet, manifest: Manifest, per_class: list[tuple[str, ...]]
) -> DistilledSet:
    """Return the images of a listed set that were chosen, with their soft labels."""
    import numpy as np

    from bench.images import Chosen

    place = {file.path: index for index, file in enumerate(manifest.files)}
    rows = np.array([place[name] for names in per_class for name in names], dtype=np.int64)
    if len(rows) == len(whole) and (rows == np.arange(len(whole))).all():
        return whole
    if whole.weights is not None:
        raise UsageError(
            "`take=first` would take a part of a set whose images have weights, which belong to "
            "the whole: ask for the set's own IPC."
        )
    return DistilledSet(
        Chosen(whole.images, tuple(rows.tolist())),
        whole.labels[rows],
        whole.classes,
        soft=None if whole.soft is None else whole.soft[rows],
        mosaic=whole.mosaic,
    )
