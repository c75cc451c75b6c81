"""What to run, as text and as what the text means: a request and the specs it selects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from bench import specs
from bench.backbones.requests import requested_students
from bench.errors import UsageError, unknown_name
from bench.named import Named

if TYPE_CHECKING:
    from bench.contracts import EvalProtocol, Method, Student
    from bench.registry import Registry

MOST_SEEDS = 1000
"""More sets or students than this of one kind are a mistake, and their plan would never end."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run, as text: the command line, a suite and `plan.json` all become one of these."""

    methods: tuple[str, ...] = ("all",)
    datasets: tuple[str, ...] = ("imagenette", "imagewoof")
    ipc: tuple[int, ...] = (10, 50)
    """Images per class."""
    protocols: tuple[str, ...] = ("hard",)
    students: tuple[str, ...] = ("convnet6", "resnetap10", "resnet18")
    seeds: int = 3
    """Distillation seeds 0 .. seeds - 1."""
    repeats: int = 1
    """Students per distillation seed."""
    hold_out: float = 0.0
    """Share of every class's training images that takes the place of the test images, for tuning;
    nothing is distilled from them. 0: the test set is tested on."""
    defaults: tuple[str, ...] = ()
    """Fields for every selected spec that has them, as `settings`; but nothing need have them."""
    settings: tuple[str, ...] = ()
    """Fields for every selected spec that has them, such as "protocol.epochs=300"."""
    plugins: tuple[str, ...] = ()
    """Python files that register methods or protocols."""
    data_root: str | None = None
    """Where ImageNet and other named sets lie; None means the environment's BENCH_DATA."""

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


@dataclass(frozen=True)
class Selection:
    """The named specs of a run, settings applied."""

    methods: tuple[Named[Method], ...]
    protocols: tuple[Named[EvalProtocol], ...]
    students: tuple[Named[Student], ...]

    @classmethod
    def of(cls, run: RunSpec, registry: Registry) -> Selection:
        """Look all names up; UsageError for unknown names and fields."""
        found: dict[str, list[Named[Any]]] = {
            "method": [m for text in run.methods for m in registry.method(text)],
            "protocol": [p for text in run.protocols for p in registry.protocol(text)],
            "student": [s for text in run.students for s in requested_students(text)],
        }
        for setting in run.defaults:
            _apply(setting, found, required=False)
        for setting in run.settings:
            _apply(setting, found)
        return cls(*(tuple(found[kind]) for kind in ("method", "protocol", "student")))


def _apply(setting: str, found: dict[str, list[Named[Any]]], required: bool = True) -> None:
    """Apply `target.field=value` in place; target is a kind, a name or the family of a name.

    UsageError if it is `required` and nothing selected has the field.
    """
    target, dot, assignment = setting.partition(".")
    key, equals, value = assignment.partition("=")
    if not (dot and equals and key and value):
        raise UsageError(f"`--set` expects `protocol.field=value`, got {setting!r}.")
    matched, applied = False, False
    for kind, named in found.items():
        for position, one in enumerate(named):
            if target in (kind, one.name, one.name.split("/")[0]):
                matched = True
                if specs.has_field(one.asked, key):
                    named[position] = one.with_fields({key: value})
                    applied = True
    if applied or not required:
        return
    if not matched:
        names = {n for kind, named in found.items() for n in (kind, *(one.name for one in named))}
        raise unknown_name("target", target, names, of="--set")
    raise UsageError(f"`--set {setting}`: nothing selected as {target!r} has a field {key!r}.")
