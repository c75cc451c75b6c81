"""The teacher whose weights a user has in a file."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from bench.errors import UsageError
from bench.teachers.base import Given, built, check_norm, student_of
from bench.teachers.files import Header, misfit, other_count, read_header, sha256_of
from bench.training.recipe import Norm

if TYPE_CHECKING:
    from torch import nn

    from bench.sets import DatasetCard
    from bench.teachers.weights import TeacherWeights

Classes = Literal["stated", "dataset"]


@dataclass(frozen=True)
class WeightsFile(Given):
    """A safetensors file of weights, such as `bench import-teacher` writes."""

    revision: ClassVar[int] = 1

    path: str = field(default="", metadata={"identity": False})
    """The file; results are known by the hash of its content."""
    network: str = "torchvision/resnet18"
    """Request for the student whose weights they are."""
    norm: Norm = "batch"
    """Of networks that have a choice."""
    classes: Classes = "stated"
    """"stated": the file says which class every output is. "dataset": you vouch that output k is
    label k of the set."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is not one of those meant."""
        check_norm(self.norm)
        if self.classes not in get_args(Classes):
            raise ValueError(f"`classes` must be 'stated' or 'dataset', got {self.classes!r}.")

    @property
    def words(self) -> str:
        """Return the network; the hash that stands behind it says which file."""
        return f"{self.network} from a file"

    @property
    def title(self) -> str:
        """Return the name of the file."""
        return f"file:{Path(self.path).name}"

    def check(self, card: DatasetCard, resolution: int) -> None:
        """Raise UsageError for no file, a pickle, other layers or other classes."""
        header, file = read_header(self._file), self._file.name
        if self.classes == "stated":
            if not header.classes:
                raise UsageError(
                    f"{file} does not say which class each output is: import it with `--classes`, "
                    f"or write `classes=dataset` if output k is label k of {card.name!r}."
                )
            super().check(card, resolution)
        self._check_layers(header, card, resolution)

    def weights_of(self, card: DatasetCard, resolution: int) -> TeacherWeights:
        """Return the artefact, named by the hash of the file's content."""
        from bench.teachers.weights import TeacherWeights

        read_header(self._file)
        return TeacherWeights(
            self,
            sha256=sha256_of(self._file),
            network_revision=student_of(self.network).revision,
            resolution=resolution,
        )

    def fresh(self, num_outputs: int, resolution: int, seed: int = 0) -> nn.Module:
        """Return the network that the file is said to fill."""
        return built(self.network, self.norm, num_outputs, resolution, seed)

    def blank(self, card: DatasetCard, resolution: int) -> nn.Module:
        """Return it untrained, its outputs put into the order of the set's labels."""
        if self.classes == "dataset":
            return self.fresh(card.num_classes, resolution)
        return super().blank(card, resolution)

    def given(self) -> Path | None:
        """Return the file."""
        return self._file

    def stated_classes(self) -> tuple[str, ...]:
        """Return what the file's header says, unless a person vouches for the order."""
        return () if self.classes == "dataset" else read_header(self._file).classes

    def _check_layers(self, header: Header, card: DatasetCard, resolution: int) -> None:
        from bench.teachers.mapping import wrong_count

        count = len(self.stated_classes()) or card.num_classes
        needed = dict(_shapes(self.network, self.norm, count, resolution))
        found = other_count(needed, header.shapes, count)
        if found is not None and self.classes == "dataset":
            raise wrong_count(self.title, found, card)
        if reason := misfit(needed, header.shapes):
            raise UsageError(
                f"{self._file.name} does not fit {self.network!r} with {count} classes and images "
                f"of {resolution} pixels ({reason}): {_other_network(self.network)}."
            )

    @property
    def _file(self) -> Path:
        if not self.path:
            raise UsageError(
                "The teacher `file` needs a path: write `teacher=file[path=x.safetensors]`."
            )
        return Path(self.path).expanduser()


@functools.lru_cache(maxsize=64)
def _shapes(
    network: str, norm: Norm, num_outputs: int, resolution: int
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    state = built(network, norm, num_outputs, resolution, 0).state_dict()
    return tuple((name, tuple(value.shape)) for name, value in state.items())


def _other_network(network: str) -> str:
    from bench.backbones.library import library_ids

    if network in library_ids("torchvision"):  # ours has the name too, and other names of layers
        return f"try `network=torchvision/{network}`"
    return "name the `network` that it is, or the protocol's `resolution` that it was made for"
