"""The options of a job, which `bench run` and `bench score` share, and what they ask for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bench.cli.options import (
    OUT,
    Compile,
    Control,
    DataRoot,
    Device,
    DryRun,
    HoldOut,
    Offline,
    Out,
    Plugin,
    Protocols,
    Repeats,
    Rerun,
    RetryFailed,
    Seeds,
    Setting,
    Students,
    Yes,
    compile_wish,
    given,
    listed,
)

if TYPE_CHECKING:
    from bench.runner import Options

Command = Callable[..., int]


@dataclass(frozen=True)
class JobOptions:
    """What was said on the command line, in the order in which `--help` lists it."""

    protocols: Protocols = None
    students: Students = None
    seeds: Seeds = None
    repeats: Repeats = None
    hold_out: HoldOut = None
    settings: Setting = None
    control: Control = None
    plugin: Plugin = None
    data_root: DataRoot = None
    device: Device = "auto"
    compile: Compile = "auto"
    executor: Annotated[str, typer.Option(help="How units are carried out: inline.")] = "inline"
    out: Out = OUT
    dry_run: DryRun = False
    yes: Yes = False
    retry_failed: RetryFailed = False
    rerun: Rerun = False
    offline: Offline = False

    def keys(self, **own: Any) -> dict[str, Any]:
        """Return what was given, and what a command has of its own, by the keys of a `RunSpec`."""
        return given(
            **own,
            protocols=listed(self.protocols),
            students=listed(self.students),
            seeds=self.seeds,
            repeats=self.repeats,
            hold_out=self.hold_out,
            settings=tuple(self.settings) if self.settings else None,
            plugins=tuple(self.plugin) if self.plugin else None,
            data_root=str(self.data_root) if self.data_root else None,
            control=self.control,
        )

    def options(self) -> Options:
        """Return how the job is run."""
        from bench.runner import Options

        return Options(
            self.out,
            self.device,
            retry_failed=self.retry_failed,
            rerun=self.rerun,
            compile=compile_wish(self.compile),
        )


def with_job_options(*left_out: str) -> Callable[[Command], Command]:
    """Have a command's last parameter `job` filled by the options of `JobOptions`.

    They come after its own ones; those that are left out keep their defaults.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters
        shared = _parameters(left_out)

        @functools.wraps(command)
        def called(**told: Any) -> int:
            job = JobOptions(**{name: told.pop(name) for name in shared})
            return command(**told, job=job)

        every = {name: value for name, value in own.items() if name != "job"} | shared
        called.__signature__ = inspect.Signature(list(every.values()))  # type: ignore[attr-defined]
        called.__annotations__ = {name: value.annotation for name, value in every.items()}
        return called

    return decorate


def _parameters(left_out: tuple[str, ...]) -> dict[str, inspect.Parameter]:
    """Return the options as parameters of a function, with the types that Typer reads."""
    kinds = get_type_hints(JobOptions, include_extras=True)
    return {
        field.name: inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=kinds[field.name],
        )
        for field in fields(JobOptions)
        if field.name not in left_out
    }
