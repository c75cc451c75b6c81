"""What building costs is told apart from the work of a unit, waiting for another process too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import filelock
import pytest
import torch

from bench import artefacts
from bench.artefacts import META, ArtefactStore
from bench.context import Context
from bench.streams import Streams


class Clock:
    """Time that passes only where it is said to."""

    now = 0.0

    def perf_counter(self):
        return self.now


@dataclass(frozen=True)
class Part:
    """Takes 5 seconds to build, once all parts within it are there."""

    clock: ClassVar[Clock] = Clock()
    revision: ClassVar[int] = 1

    name: str
    within: tuple[Part, ...] = ()

    def needs(self):
        return self.within

    def build(self, ctx, out):
        for part in self.within:
            ctx.get(part)
        self.clock.now += 5.0

    def load(self, path, device):
        return self.name


class Held(filelock.FileLock):
    """A lock that another process holds for 80 seconds."""

    def acquire(self, timeout=None, **others):
        if timeout == 0:
            raise filelock.Timeout(self.lock_file)
        Part.clock.now += 80.0
        return super().acquire(timeout, **others)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return a cache whose locks are free, and let time stand still."""
    monkeypatch.setattr(Part, "clock", Clock())
    monkeypatch.setattr(artefacts, "time", Part.clock)
    return ArtefactStore(tmp_path)


@pytest.fixture
def held(monkeypatch):
    monkeypatch.setattr(filelock, "FileLock", Held)


def get(part, store, folder):
    return Context(torch.device("cpu"), Streams((0,)), folder, store, {}.__getitem__).get(part)


@pytest.mark.usefixtures("held")
def test_waiting_for_another_process_is_no_work_of_the_unit(store, tmp_path):
    """Whether it has built the artefact meanwhile or not."""
    get(Part("one"), store, tmp_path)
    assert store.seconds == 85.0
    again = ArtefactStore(tmp_path)
    get(Part("one"), again, tmp_path)
    assert again.seconds == 80.0


@pytest.mark.usefixtures("held")
def test_a_build_does_not_count_the_builds_and_waits_within_it(store, tmp_path):
    outer = Part("outer", (Part("a"), Part("b")))
    get(outer, store, tmp_path)
    assert store.seconds == Part.clock.now == 3 * 85.0
    assert json.loads((store.path(outer) / META).read_text())["seconds"] == 5.0


def test_where_no_other_process_builds_nothing_is_waited_for(store, tmp_path):
    get(Part("one"), store, tmp_path)
    assert store.seconds == 5.0
    again = ArtefactStore(tmp_path)
    get(Part("one"), again, tmp_path)
    assert again.seconds == 0.0
