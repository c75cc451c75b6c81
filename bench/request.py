"""What to run, as text and as what the text means: a request and the specs it selects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from bench import settings
from bench.backbones.requests import requested_students
from bench.errors import UsageError
from bench.named import Named

if TYPE_CHECKING:
    from collections.abc import Collection

    from bench.contracts import EvalProtocol, Method, Student
    from bench.registry import Registry

KINDS = ("method", "protocol", "student")
MOST_SEEDS = 1000
"""More sets or students than this of one kind are a mistake, and their plan would never end."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further part of a request, such as some methods under another protocol.

    What is None is the request's own; `settings` come after those of the request.
    """

    methods: tuple[str, ...] | None = None
    datasets: tuple[str, ...] | None = None
    ipc: tuple[int, ...] | None = None
    protocols: tuple[str, ...] | None = None
    students: tuple[str, ...] | None = None
    seeds: int | None = None
    repeats: int | None = None
    settings: tuple[str, ...] = ()


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run, as text: the command line, a suite and `plan.json` all become one of these."""

    methods: tuple[str, ...] = ("all",)
    datasets: tuple[str, ...] = ("imagenette", "imagewoof")
    ipc: tuple[int, ...] = (10, 50)
    """Images per class."""
    protocols: tuple[str, ...] = ("hard", "soft", "fidelity")
    students: tuple[str, ...] = ("convnet6", "resnetap10", "resnet18")
    seeds: int = 3
    """Distillation seeds 0 .. seeds - 1."""
    repeats: int = 1
    """Students per distillation seed."""
    hold_out: float = 0.0
    """Share of every class's training images that takes the place of the test images, for tuning;
    nothing is distilled from them. 0: the test set is tested on."""
    defaults: tuple[str, ...] = ()
    """Fields for every selected spec that has them, as `settings`; but nothing need have them, and
    tables do not repeat them in every row."""
    settings: tuple[str, ...] = ()
    """Fields for every selected spec that has them, such as "protocol.epochs=300"."""
    plugins: tuple[str, ...] = ()
    """Python files that register methods or protocols."""
    data_root: str | None = None
    """Where ImageNet and other named sets lie; None means the environment's BENCH_DATA."""
    also: tuple[Part, ...] = ()
    """Further parts of the plan, each with methods, protocols or students of its own."""
    control: bool = True
    """Whether the controls that a protocol asks for are added where they are not named."""

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for name in ("seeds", "repeats"):
            if not 1 <= getattr(self, name) <= MOST_SEEDS:
                raise UsageError(
                    f"`--{name}` must be at least 1 and at most {MOST_SEEDS}, got "
                    f"{getattr(self, name)}."
                )
        if not 0.0 <= self.hold_out < 1.0:
            raise UsageError(
                "`--hold-out` must be a share of at least 0 (0 tests on the test set) and below 1, "
                f"got {self.hold_out}."
            )
        for ipc in self.ipc:
            if ipc < 1:
                raise UsageError(f"`--ipc` must be at least 1 image per class, got {ipc}.")
        for name in ("methods", "datasets", "ipc", "protocols"):
            if not getattr(self, name):
                raise UsageError(f"`--{name}` must name at least one, got none.")
        self.parts()  # has the numbers of every part looked at

    def parts(self) -> tuple[RunSpec, ...]:
        """Return the request as requests without further parts, its own first.

        The settings of the whole come first in each; no part need have every field of theirs, and
        `selections` sees to it that one of them does. UsageError for a part with numbers that mean
        nothing.
        """
        if not self.also:
            return (self,)
        own = msgspec.structs.replace(self, also=())
        return (own, *(_with(own, part) for part in self.also))

    @property
    def all_datasets(self) -> tuple[str, ...]:
        """Return the sets of all parts, each request once."""
        return tuple(dict.fromkeys(name for part in self.parts() for name in part.datasets))


def _with(run: RunSpec, part: Part) -> RunSpec:
    """Return a request with what a part names in place of its own."""
    named = {
        name: value for name, value in msgspec.structs.asdict(part).items() if value is not None
    }
    return msgspec.structs.replace(run, **(named | {"settings": (*run.settings, *part.settings)}))


@dataclass(frozen=True)
class Selection:
    """The named specs of a run, settings applied."""

    methods: tuple[Named[Method], ...]
    protocols: tuple[Named[EvalProtocol], ...]
    students: tuple[Named[Student], ...]

    @classmethod
    def of(
        cls, run: RunSpec, registry: Registry, required: Collection[str] | None = None
    ) -> Selection:
        """Look all names up; UsageError for unknown names and fields.

        `required` are the settings that have to fit something; None is all of them.
        """
        found: dict[str, list[Named[Any]]] = {
            "method": [m for text in run.methods for m in registry.method(text)],
            "protocol": [p for text in run.protocols for p in registry.protocol(text)],
            "student": [s for text in run.students for s in requested_students(text)],
        }
        for setting in run.defaults:
            settings.apply_default(setting, found)
        for setting in run.settings:
            if required is None or setting in required:
                settings.require(setting, found)
            settings.apply(setting, found)
        return cls(*(tuple(found[kind]) for kind in KINDS))

    def optional(self) -> Selection:
        """Return the same with methods that are left out where they cannot serve a set."""
        return replace(self, methods=tuple(replace(one, optional=True) for one in self.methods))

    def by_kind(self) -> dict[str, list[Named[Any]]]:
        """Return the named specs by the kind that `--set` calls them."""
        return {
            "method": [*self.methods],
            "protocol": [*self.protocols],
            "student": [*self.students],
        }


def selections(run: RunSpec, registry: Registry) -> list[Selection]:
    """Return the specs of every part of a request.

    UsageError for unknown names and fields, and for a setting that fits in no part.
    """
    parts = run.parts()
    own = [() if run.also else run.settings, *(part.settings for part in run.also)]
    chosen = [
        Selection.of(part, registry, required) for part, required in zip(parts, own, strict=True)
    ]
    if len(parts) > 1:
        everything = {
            kind: [one for selection in chosen for one in selection.by_kind()[kind]]
            for kind in KINDS
        }
        for setting in run.settings:
            settings.require(setting, everything)
    return chosen
