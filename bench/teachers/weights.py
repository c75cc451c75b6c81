"""A teacher's weights: an artefact, trained once on a real set or copied from where they were."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.errors import BenchError
from bench.files import disk_full_as_error, replace_file
from bench.teachers.base import Teacher
from bench.teachers.files import misfit, other_count, read_header, sha256_of
from bench.teachers.specs import TEACHERS
from bench.teachers.trained import Trained

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard
    from bench.teachers.files import Header

ABOUT = "teacher.json"


class About(msgspec.Struct, frozen=True):
    """What `teacher.json` holds."""

    classes: tuple[str, ...]
    """Class id of every output; () where output k is label k of whatever set is taught."""
    outputs: int
    """Number of logits."""
    sha256: tuple[str, ...]
    """Of the file of every member; of given weights that of the file they came from."""
    recipe: dict[str, Any] = {}
    """How the members were trained; {} for given weights."""
    updates: int = 0
    """Optimizer steps of a member."""
    seconds: float = 0.0
    """Time that the training of all members took."""


@dataclass(frozen=True, eq=False)
class LoadedTeacher:
    """A teacher on the device, with its outputs in its own order."""

    network: nn.Module
    """In evaluation mode, without gradients: images float32 `[N, 3, R, R]`, normalised, to logits;
    of several members the mean of the logits."""
    classes: tuple[str, ...]
    """Class id of every output; () where a person vouches that output k is label k of the set."""
    bytes: int
    """Of the weights as they are stored, all members together."""
    _views: dict[tuple[int, ...], nn.Module] = field(default_factory=dict, repr=False)

    def answering(self, card: DatasetCard, name: str) -> nn.Module:
        """Return the network with logit k for label k of a set: one object a set and process.

        UsageError if a class of the set is not among its own; `name` is for messages.
        """
        from bench.teachers.mapping import columns, mapped

        places = columns(self.classes, card, name)
        if places not in self._views:
            outputs = len(self.classes) or card.num_classes
            self._views[places] = mapped(self.network, places, outputs)
        return self._views[places]


@dataclass(frozen=True)
class TeacherWeights:
    """The weights of all members of a teacher."""

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    teacher: Teacher = field(metadata={"choices": lambda: TEACHERS})
    """Resolved. The path of a file is no part of its identity."""
    sha256: str = ""
    """Of a given file; "" for trained ones, and for torchvision's, which their name decides."""
    dataset: str = ""
    """Name of the real set in this run; "" for given weights, so that sets share them."""
    train_revision: str = ""
    network_revision: int = 1
    resolution: int = 0
    """Pixels per side of the images it is asked about."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        on = f" on {self.dataset!r}" if self.dataset else ""
        return f"the teacher {self.teacher.title!r}{on}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return nothing: images or a file are enough."""
        return ()

    def build(self, ctx: Context, out: Path) -> None:
        """Write `member-<k>.safetensors` and `teacher.json`.

        A training that was killed goes on: whole members are kept, the one under way loses ten
        minutes at most. BenchError if given weights cannot be had or do not fit their network.
        """
        given = self.teacher.given()
        about = self._train(ctx, out) if given is None else self._copy(given, out)
        content = msgspec.json.format(msgspec.json.encode(about, order="sorted"))
        replace_file(out / ABOUT, content + b"\n")

    def load(self, path: Path, device: torch.device) -> LoadedTeacher:
        """Return the teacher on a device; BenchError if a file is damaged or memory runs out."""
        from bench.teachers.mapping import united
        from bench.training.memory import told_if_full

        about = msgspec.json.decode((path / ABOUT).read_bytes(), type=About)
        files = [member_file(path, number) for number in range(len(about.sha256))]
        network = united([self._filled(file, about.outputs) for file in files])
        with told_if_full(f"{self.words} was loaded", "free the device, or name a smaller teacher"):
            network.to(device)
        return LoadedTeacher(
            network.eval().requires_grad_(False),
            about.classes,
            sum(file.stat().st_size for file in files),
        )

    def seconds(self, ctx: Context) -> float | None:
        """Estimate the time of `build` by a probe of about a second; None for given weights."""
        from bench.teachers.training import expected_seconds

        if not isinstance(self.teacher, Trained):
            return None
        return expected_seconds(self.teacher, ctx.real(self.dataset), self.resolution, ctx)

    def _train(self, ctx: Context, out: Path) -> About:
        from bench import specs
        from bench.preparation.real import checked_real_set
        from bench.teachers.training import train_members

        assert isinstance(self.teacher, Trained)
        real = checked_real_set(ctx, self.dataset, self.train_revision)
        facts = train_members(self.teacher, real, self.resolution, ctx, out)
        return About(
            classes=real.card.classes,
            outputs=real.card.num_classes,
            sha256=tuple(sha256_of(member_file(out, number)) for number in range(len(facts))),
            recipe=specs.plain(self.teacher.recipe(self.resolution)),
            updates=facts[0].updates,
            seconds=round(sum(fact.seconds for fact in facts), 3),
        )

    def _copy(self, path: Path, out: Path) -> About:
        found = sha256_of(path)
        if self.sha256 not in ("", found):
            raise BenchError(
                f"{str(path)!r} has changed since this run began (sha256 {self.sha256[:12]}... "
                f"then, {found[:12]}... now): run again."
            )
        classes = self.teacher.stated_classes()
        outputs = self._num_outputs(read_header(path), len(classes), path)
        _copied(path, member_file(out, 0))
        return About(classes=classes, outputs=outputs, sha256=(found,))

    def _num_outputs(self, header: Header, stated: int, path: Path) -> int:
        """Return the number of logits; BenchError if the tensors are those of another network."""
        assumed = stated or 2  # without a statement, any count shows which tensors vary with it
        state = self.teacher.fresh(assumed, self.resolution).state_dict()
        needed = {name: tuple(value.shape) for name, value in state.items()}
        other = other_count(needed, header.shapes, assumed)
        if other is not None and not stated:
            return other
        if reason := misfit(needed, header.shapes):
            raise BenchError(
                f"{str(path)!r} does not hold the weights of {self.teacher.title!r} with {assumed} "
                f"classes ({reason}): name the network that it is of."
            )
        return assumed

    def _filled(self, file: Path, outputs: int) -> nn.Module:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        network = self.teacher.fresh(outputs, self.resolution)
        try:
            network.load_state_dict(load_file(file))
        except (OSError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(":.")
            raise BenchError(
                f"The teacher's weights in {str(file)!r} cannot be read ({reason}): delete its "
                "folder, and they are made anew."
            ) from error
        return network


def member_file(folder: Path, number: int) -> Path:
    """Return where a member's weights lie."""
    return folder / f"member-{number}.safetensors"


def _copied(path: Path, to: Path) -> None:
    """Copy a file, which appears under its name when it is whole."""
    aside = to.with_name(f".{to.name}")
    with disk_full_as_error(to.parent):
        shutil.copyfile(path, aside)
    aside.replace(to)
