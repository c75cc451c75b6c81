"""What all trainings share: seeded batches, rates by step, and a loop that can be interrupted.

A step's numbers follow from the seed, the settings and the step's own number; so a training that
was stopped and resumed gives, on the same machine, the same losses as one that was not.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.generators.training.log import LossLog
from bench.provenance import device_name
from bench.streams import Streams
from bench.training.checkpoint import Parts, read_facts, restore, save_checkpoint

CHECKPOINT, LOSSES = "checkpoint.safetensors", "losses.jsonl"


class Learner(Protocol):
    """One training: what a step does, and what changes in it."""

    @property
    def parts(self) -> Parts:
        """Return all that a checkpoint keeps."""
        ...

    @property
    def device(self) -> torch.device:
        """Return where it computes."""
        ...

    def step(self, step: int) -> dict[str, Tensor]:
        """Learn one batch, number `step` from 0; return scalars, "loss" among them, detached."""
        ...


@dataclass(frozen=True)
class Watch:
    """How a training is watched; nothing here changes a number."""

    checkpoint_every: int = 500
    """Steps between checkpoints."""
    report_every: int = 50
    """Steps between reports; losses are read from the device no oftener."""
    stop_after: int | None = None
    """Stop in order after this many steps in all; None is all of them."""
    report: Callable[[int, int, float, Mapping[str, float]], None] = lambda *_: None
    """Called with steps done, all steps, seconds left and the mean losses since the last call."""


@dataclass(frozen=True)
class Trained:
    """How far a training is."""

    done: int
    steps: int
    seconds: float
    """Over all sittings."""
    devices: tuple[str, ...]
    """Every machine it ran on, in words, with its number of threads."""

    @property
    def finished(self) -> bool:
        """Say whether all steps are done."""
        return self.done >= self.steps


def train(
    learner: Learner, folder: Path, steps: int, decided: Mapping[str, Any], watch: Watch
) -> Trained:
    """Train to the last step, or go on from the checkpoint in `folder` if there is one.

    `decided` is what the numbers follow from, as plain values. SIGINT and SIGTERM end the current
    step, write a checkpoint and raise KeyboardInterrupt. BenchError if the checkpoint was begun
    with other values, or if the loss is no longer finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = _begun(learner, folder, steps, decided)
    log, done = LossLog(folder / LOSSES, begun.done), begun.done
    last = steps if watch.stop_after is None else min(steps, watch.stop_after)
    clock = time.perf_counter()

    def state() -> Trained:
        return Trained(done, steps, begun.seconds + time.perf_counter() - clock, begun.devices)

    with _deferred_interrupts() as interrupts:
        while done < last and not interrupts:
            log.add(done + 1, learner.step(done))
            done += 1
            if done % watch.report_every == 0 or done == last:
                left = (time.perf_counter() - clock) / (done - begun.done) * (last - done)
                watch.report(done, steps, left, log.flush())
            if done % watch.checkpoint_every == 0 and done < last:
                _keep(learner, folder, log, decided, state())
        if done > begun.done:
            _keep(learner, folder, log, decided, state())
    if interrupts:
        raise KeyboardInterrupt
    return state() if done > begun.done else begun


def _begun(learner: Learner, folder: Path, steps: int, decided: Mapping[str, Any]) -> Trained:
    """Restore the checkpoint if there is one, and say how far it was."""
    path, here = folder / CHECKPOINT, _machine(learner.device)
    if not path.exists():
        return Trained(0, steps, 0.0, (here,))
    facts = read_facts(path)
    _refuse_other(folder, facts["decided"], decided)
    restore(path, learner.parts)
    devices = tuple(facts["devices"])
    more = () if facts["done"] >= steps or here in devices else (here,)
    return Trained(facts["done"], steps, facts["seconds"], devices + more)


def _keep(
    learner: Learner, folder: Path, log: LossLog, decided: Mapping[str, Any], state: Trained
) -> None:
    log.flush()  # refuses what is not finite, before it replaces a sound checkpoint
    facts = {
        "decided": dict(decided),
        "done": state.done,
        "seconds": state.seconds,
        "devices": state.devices,
    }
    save_checkpoint(folder / CHECKPOINT, learner.parts, facts)


def _refuse_other(folder: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    differing = [
        f"{name} {_short(there.get(name))} there, {_short(here.get(name))} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    if differing:
        raise BenchError(
            f"{str(folder)!r} holds a checkpoint of other settings ({'; '.join(differing)}): "
            "give the same settings, or another `--out`."
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 20 else f"{text[:12]}...'"


def _machine(device: torch.device) -> str:
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    return f"{device_name(device)}{threads}"


@contextmanager
def _deferred_interrupts() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of stopping in the middle of a step.

    A second one stops at once. Outside the main thread nothing can be collected.
    """
    numbers: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield numbers
        return

    def note(number: int, frame: object) -> None:
        if numbers:
            raise KeyboardInterrupt
        numbers.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield numbers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Batches:
    """Which examples a step learns: all of them in a new order every epoch, by the step alone.

    The few that are left at the end of an epoch's order, fewer than a batch, are not learned in it.
    """

    count: int
    batch: int
    streams: Streams
    _order: tuple[int, Tensor] = field(default=(-1, torch.empty(0)))

    def __post_init__(self) -> None:
        if self.count < self.batch:
            raise BenchError(
                f"A batch of {self.batch} needs as many images, got {self.count}: lower `batch` or "
                "render more images per class."
            )

    def indices(self, step: int) -> Tensor:
        """Return the examples of a step, int64 `[batch]` on the CPU."""
        epoch, place = divmod(step, self.count // self.batch)
        if self._order[0] != epoch:
            rng = self.streams.torch("order", epoch)
            self._order = (epoch, torch.randperm(self.count, generator=rng))
        return self._order[1][place * self.batch : (place + 1) * self.batch]


def own_streams(streams: Streams, name: str) -> Streams:
    """Return the streams of one training, apart from those of others with the same seed."""
    return Streams((*streams.seeds, streams.integer(name)))


def normal(streams: Streams, name: str, step: int, like: Tensor) -> Tensor:
    """Return standard normal numbers of the shape of `like`, on its device, for one step."""
    # Drawn on the CPU because accelerators give other numbers.
    return torch.randn(like.shape, generator=streams.torch(name, step)).to(like.device)


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Return the rate of step number `step` from 0: a linear rise to `peak`, then half a cosine.

    Step `warmup` has the peak; the rate would reach 0 at step number `steps`.
    """
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * (1.0 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2.0


def update(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, clip: float) -> None:
    """Take one step down the gradient of `loss`, its norm clipped."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(parameters, clip)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
