"""What building costs is told apart from the work of a unit, waiting for another process too."""

from __future__ import annotations

import contextlib
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


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return a cache in which every lock is held by another process for 80 seconds."""

    @contextlib.contextmanager
    def lock(path):
        Part.clock.now += 80.0
        yield

    monkeypatch.setattr(Part, "clock", Clock())
    monkeypatch.setattr(artefacts, "time", Part.clock)
    monkeypatch.setattr(filelock, "FileLock", lock)
    return ArtefactStore(tmp_path)


def get(part, store, folder):
    return Context(torch.device("cpu"), Streams((0,)), folder, store, {}.__getitem__).get(part)


def test_waiting_for_another_process_is_no_work_of_the_unit(store, tmp_path):
    """Whether it has built the artefact meanwhile or not."""
    get(Part("one"), store, tmp_path)
    assert store.seconds == 85.0
    again = ArtefactStore(tmp_path)
    get(Part("one"), again, tmp_path)
    assert again.seconds == 80.0


def test_a_build_does_not_count_the_builds_and_waits_within_it(store, tmp_path):
    outer = Part("outer", (Part("a"), Part("b")))
    get(outer, store, tmp_path)
    assert store.seconds == Part.clock.now == 3 * 85.0
    assert json.loads((store.path(outer) / META).read_text())["seconds"] == 5.0
