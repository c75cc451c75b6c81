import errno
import itertools
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest
import torch

from bench.artefacts import ArtefactStore, key
from bench.context import Context
from bench.files import DiskFullError
from bench.generating import Generating
from bench.generators import GENERATORS
from bench.records import read_records
from bench.sampling import Sampling
from bench.sampling.batches import jobs_of
from bench.sampling.hook import Delta, Want
from bench.sampling.sampler import sample
from bench.sampling.samples import samples_of
from bench.sampling.shelf import Made, Shelf
from bench.sampling.stored import SegmentedImages, mean_traces
from bench.sampling.writer import WAITING, Writer
from bench.sets import DatasetCard, RealSet
from bench.streams import Streams

CLASSES = ("c3", "c8", "c1")
CARD = DatasetCard(
    "some", CLASSES, CLASSES, "s", "s", "a" * 64, "b" * 64, (4,) * 3, 16, "convnet1@8"
)
SAMPLING = Sampling(generator="tiny", scheduler="ddim", steps=4)


@dataclass(frozen=True)
class Source:
    """Where the tiny generator comes from."""

    generator: object
    description: str = "made in a test"
    sets: tuple[str, ...] = ()
    classes: tuple[str, ...] = tuple(f"c{number}" for number in range(10))
    layers: tuple[str, ...] = ("block0", "block1", "block2")
    image_size: int = 16
    latent_shape: tuple[int, int, int] = (4, 8, 8)
    uses_imagenet_labels: bool = False

    def weights(self):
        return "made"

    def present(self):
        return True

    def fetch(self):
        return ()

    def open(self, device):
        return self.generator


@dataclass(frozen=True)
class Plain(Generating):
    """Sampling without guidance."""

    revision: ClassVar[int] = 1


@dataclass(frozen=True)
class Remembering(Generating):
    """Pushes every image away from the mean of those before it, as far as the image goes."""

    revision: ClassVar[int] = 1
    depends_on_ipc: ClassVar[str] = "grouped"

    strength: float = 0.05

    def hook(self, card, ipc, ctx):
        return Memory(self.strength)


@dataclass
class Memory:
    strength: float
    sequential: bool = True
    strengths: str = "`strength`"
    heard: dict = field(default_factory=dict)

    def wants(self, u):
        return Want()

    def __call__(self, step):
        change = torch.zeros_like(step.x)
        for row, job in enumerate(step.jobs):
            before = self.heard.get((job.class_id, job.group))
            if before:
                change[row] = -self.strength * torch.stack(before).mean(dim=0)
        guided = torch.full((len(step.x),), 2.0)
        return Delta(x=change, values={"two": guided} if step.level.i == 2 else {})

    def done(self, job, latent):
        self.heard.setdefault((job.class_id, job.group), []).append(latent.clone())


@pytest.fixture
def generator(make_generator, monkeypatch):
    made = make_generator()
    monkeypatch.setitem(GENERATORS, "tiny", Source(made))
    return made


@pytest.fixture
def context(tmp_path, generator):
    """Return a function that makes a context in a cache of that name, as a new process would."""

    def make(cache="cache", seed=0):
        real = RealSet(CARD, None, None)
        store = ArtefactStore(tmp_path / cache)
        work = tmp_path / "work"
        return Context(torch.device("cpu"), Streams((seed,)), work, store, {"some": real}.get)

    return make


def segments_of(method, ipc, ctx, card=CARD):
    return [ctx.get(part) for part in samples_of(method, card, ipc, ctx.seed)]


def bytes_of(segments):
    """Return all images and latents, class by class."""
    return [
        np.concatenate([np.asarray(read(segment, label)).reshape(-1) for segment in segments])
        for label in range(len(CLASSES))
        for read in (type(segments[0]).images_of, type(segments[0]).latents_of)
    ]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def pixels_of(distilled):
    return np.stack([distilled.images.decode(index) for index in range(len(distilled))])


# --- which images --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Plain(SAMPLING), Remembering(SAMPLING)])
def test_fewer_images_are_a_prefix_of_more_bit_for_bit(context, method):
    found = {
        ipc: pixels_of(method.distill(RealSet(CARD, None, None), ipc, context(f"cache{ipc}")))
        for ipc in (1, 10, 12)
    }
    images = found[12].reshape(3, 12, 16, 16, 3)
    assert np.array_equal(images[:, :10].reshape(-1, 16, 16, 3), found[10])
    assert np.array_equal(images[:, :1].reshape(-1, 16, 16, 3), found[1])
    assert len(np.unique(found[12].reshape(36, -1), axis=0)) == 36


def test_images_are_those_of_the_sampler_in_the_order_of_classes(context, generator):
    distilled = Plain(SAMPLING).distill(RealSet(CARD, None, None), 3, context())
    assert distilled.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert distilled.classes == CLASSES
    segments = segments_of(Plain(SAMPLING), 3, context())
    jobs = jobs_of(CARD, 3)
    made = sample(generator, jobs, SAMPLING, Streams((0,)))
    expected = torch.cat([latents for _, latents in made]).numpy()
    latents = np.concatenate([s.latents_of(c) for c in range(3) for s in segments])
    scale = np.abs(expected).max()
    assert np.abs(latents - expected).max() / scale < 1e-5


def test_images_that_need_those_before_them_are_told_of_them_across_segments(context, generator):
    segments = segments_of(Remembering(SAMPLING), 12, context())
    assert [(s.first, s.last) for s in segments] == [(0, 1), (1, 10), (10, 12)]
    hook = Memory(0.05)
    made = sample(generator, jobs_of(CARD, 12), SAMPLING, Streams((0,)), hook=hook)
    expected = {job: latent for jobs, some in made for job, latent in zip(jobs, some, strict=True)}
    scale = max(latent.abs().max().item() for latent in expected.values())
    for job, latent in expected.items():
        segment = next(s for s in segments if job.k < s.last)
        got = segment.latents_of(job.label)[job.k - segment.first]
        assert np.abs(got - latent.numpy()).max() / scale < 1e-4
    plain = segments_of(Plain(SAMPLING), 12, context())
    assert not same(bytes_of(segments)[1:2], bytes_of(plain)[1:2])


def test_another_seed_gives_other_images(context):
    one, other = (bytes_of(segments_of(Plain(SAMPLING), 2, context(seed=s))) for s in (0, 1))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_key_tells_apart_what_gives_other_bits(context):
    def keys(method=None, card=CARD, seed=0, ipc=10):
        return [key(part) for part in samples_of(method or Plain(SAMPLING), card, ipc, seed)]

    context()
    small, steps = (
        Plain(replace(SAMPLING, batch=2)),
        Plain(replace(SAMPLING, steps=5)),
    )
    turned = replace(CARD, classes=CLASSES[::-1])
    others = [
        keys(small),
        keys(steps),
        keys(card=turned),
        keys(seed=1),
        keys(Remembering(SAMPLING)),
    ]
    assert len({*keys(), *itertools.chain(*others)}) == 12
    assert keys(ipc=50)[:2] == keys(ipc=10)
    moved = replace(CARD, train_revision="c" * 64)
    assert keys(card=moved) == keys()  # nothing of the training images goes into them


# --- kills and other accidents -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Plain, Remembering])
@pytest.mark.parametrize("whole", [1, 2])
def test_after_a_kill_only_what_is_missing_is_sampled_and_the_bytes_are_the_same(
    context, generator, monkeypatch, kind, whole
):
    method = kind(replace(SAMPLING, batch=1))
    expected = bytes_of(segments_of(method, 10, context("other")))
    first, second = samples_of(method, CARD, 10, 0)
    context().get(first)
    finish = Shelf._finish

    def stop(shelf, label, made):
        finish(shelf, label, made)
        if label == whole - 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "_finish", stop)
        with pytest.raises(KeyboardInterrupt):
            context().get(second)
    shown, condition = [], generator.condition
    monkeypatch.setattr(
        generator, "condition", lambda ids, prompts: shown.append(*ids) or condition(ids, prompts)
    )
    assert same(bytes_of(segments_of(method, 10, context())), expected)
    assert shown == [c for c in CLASSES[whole:] for _ in range(9)]


SHIPPED = """
import os, signal, sys, torch
from pathlib import Path
from bench import provenance
from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.sampling import Sampling
from bench.sampling.samples import samples_of
from bench.sampling.stored import SampleFiles
from bench.sets import DatasetCard, RealSet
from bench.shipped import CLASS_IDS
from bench.streams import Streams
from methods.dit import DiT

def sampled(cache):
    names = tuple(CLASS_IDS[:4])
    card = DatasetCard("shapenette", names, names, "s", "s", "a", "b", (9,) * 4, 32, "embedded")
    method = DiT(Sampling(generator="embedded", scheduler="ddim", steps=2, batch=1))
    reals = {"shapenette": RealSet(card, None, None)}
    store = ArtefactStore(Path(cache))
    ctx = Context(torch.device("cpu"), Streams((0,)), Path("."), store, reals.__getitem__)
    made = ctx.get(samples_of(method, card, 2, 0)[0])
    return [int(made.images_of(label).astype(int).sum()) for label in range(4)]
"""
KILLED = """
provenance.state_of_project = lambda: "the same"
write, last = SampleFiles.write_facts, int(sys.argv[2])

def write_and_die(files, label, facts):
    write(files, label, facts)
    if label == last:
        os.kill(os.getpid(), signal.SIGKILL)

SampleFiles.write_facts = write_and_die
print(sampled(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_is_killed_between_two_classes_leaves_those_before_whole(tmp_path):
    def run(last):
        command = [sys.executable, "-c", SHIPPED + KILLED, str(tmp_path / "cache"), str(last)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert run(1).returncode == -signal.SIGKILL
    (partial,) = (tmp_path / "cache" / "artefacts").glob("Samples-*.partial")
    left = {path.name: path.stat().st_ino for path in partial.glob("000[01].*")}
    assert len(left) == 6
    assert not list(partial.glob("0002.json"))
    again = run(-1)
    assert again.returncode == 0, again.stderr
    folder = partial.with_suffix("")
    assert {name: (folder / name).stat().st_ino for name in left} == left
    space: dict[str, Any] = {}
    exec(SHIPPED, space)
    assert again.stdout.strip() == str(space["sampled"](tmp_path / "other"))


def test_a_full_disk_is_one_sentence_and_keeps_the_classes_before(context, monkeypatch):
    method = Plain(replace(SAMPLING, batch=1))
    (part,) = samples_of(method, CARD, 1, 0)
    put, calls = Shelf._add_some, []

    def full(shelf, label, columns, made):
        calls.append(label)
        if label == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(shelf, label, columns, made)

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "_add_some", full)
        with pytest.raises(DiskFullError, match=r"^The disk of .* is full: free some space"):
            context().get(part)
    partial = context().artefacts.path(part).with_suffix(".partial")
    assert sorted(path.name for path in partial.glob("*.json")) == ["0000.json"]


def test_two_that_ask_at_once_have_it_sampled_once(context, monkeypatch):
    (part,) = samples_of(Plain(SAMPLING), CARD, 1, 0)
    added, add = [], Shelf.add
    monkeypatch.setattr(Shelf, "add", lambda shelf, made: added.append(made) or add(shelf, made))
    found = []
    threads = [threading.Thread(target=lambda: found.append(context().get(part))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == 1
    assert same(*(bytes_of([some]) for some in found))


# --- facts ---------------------------------------------------------------------------------------


def test_a_set_says_what_it_cost_whenever_it_was_sampled(context):
    real, method = RealSet(CARD, None, None), Plain(replace(SAMPLING, batch=4))
    first = method.distill(real, 10, context())
    again = method.distill(real, 10, context())
    assert first.facts == {"forwards": 8.0, "batch": 4, "uses_imagenet_labels": "no"}
    assert again.facts == first.facts
    assert again.seconds == pytest.approx(first.seconds)
    assert first.seconds > 0


def test_traces_are_means_over_all_images_of_all_segments(context):
    ctx = context()
    Remembering(SAMPLING).distill(RealSet(CARD, None, None), 10, ctx)
    assert set(ctx.traces) == {f"guidance/{name}" for name in ("t", "step noise", "x", "two")}
    assert ctx.traces["guidance/t"] == [750.0, 500.0, 250.0, 0.0]
    assert ctx.traces["guidance/two"] == [0.0, 2.0, 0.0, 0.0]
    segments = segments_of(Remembering(SAMPLING), 10, context())
    first, second = (segment.traces()["guidance/x"] for segment in segments)
    assert first == [0.0] * 4  # the first image of a class has none before it
    expected = [0.9 * value for value in second]
    assert ctx.traces["guidance/x"] == pytest.approx(expected)
    assert mean_traces(segments) == ctx.traces


def test_plain_sampling_leaves_no_trace(context):
    ctx = context()
    Plain(SAMPLING).distill(RealSet(CARD, None, None), 2, ctx)
    assert ctx.traces == {}


def test_what_has_been_sampled_is_expected_to_take_no_time(context):
    ctx = context()
    assert Plain(SAMPLING).seconds(CARD, 10, ctx) > 0
    segments_of(Plain(SAMPLING), 10, ctx)
    assert Plain(SAMPLING).seconds(CARD, 10, ctx) == 0
    assert Plain(SAMPLING).seconds(CARD, 50, ctx) > 0


def test_images_are_read_by_label_and_place(context):
    segments = tuple(segments_of(Plain(SAMPLING), 12, context()))
    images = SegmentedImages(segments, ((2, 11), (0, 0), (1, 5)))
    assert len(images) == 3
    assert images.original(0) is None
    for index, (label, segment, row) in enumerate([(2, 2, 1), (0, 0, 0), (1, 1, 4)]):
        assert np.array_equal(images.decode(index), segments[segment].images_of(label)[row])


def test_a_record_says_what_its_images_cost_though_another_run_has_sampled_them(
    bench, tiny_set, tmp_path, own_cache
):
    fields = "generator=embedded,class_map=(ant:cat,bee:dog,cat:fox),steps=4,scheduler=ddim"
    command = [
        "run", "--datasets", f"tiny=folder:{tiny_set}", "--ipc", 1, "--seeds", 1, "--repeats", 1,
        "--methods", f"dit[{fields}]", "--students", "convnet1[width=4]", "--device", "cpu",
        "--protocols", "hard[epochs=1,resolution=16,evaluations=1]",
    ]  # fmt: skip
    found = []
    for run in ("one", "two"):
        assert bench(*command, "--out", tmp_path / run).status == 0
        made = read_records(tmp_path / run)
        found.append(next(record for record in made if record.kind == "distillation"))
    first, again = found
    assert first.facts["forwards"] == 8
    assert (again.facts, again.distilled) == (first.facts, first.distilled)
    assert again.artefacts == first.artefacts
    (folder,) = (own_cache / "artefacts").glob("Samples-*[0-9a-f]")
    assert folder.name.rpartition("-")[2] in first.artefacts
    seconds = sum(
        msgspec.json.decode(file.read_bytes())["seconds"] for file in folder.glob("000?.json")
    )
    assert seconds > 0
    assert all(record.provenance.seconds >= round(seconds, 3) for record in found)


def test_memory_does_not_grow_with_the_number_of_classes(context, monkeypatch):
    classes = tuple(f"n{number:03d}" for number in range(120))
    card = replace(CARD, classes=classes, class_names=classes, class_sizes=(4,) * 120)
    shown = tuple(f"{class_id}:c{place % 10}" for place, class_id in enumerate(classes))
    sampling = replace(SAMPLING, class_map=shown, batch=4, steps=2)
    alive, most, add = weakref.WeakSet(), [], Shelf.add

    class Watched(Made):
        def __post_init__(self):
            alive.add(self)

    def watched(shelf, made):
        most.append(len(alive))
        add(shelf, made)

    monkeypatch.setattr("bench.sampling.shelf.Made", Watched)
    monkeypatch.setattr(Shelf, "add", watched)
    ctx = context()
    ctx.reals = {"some": RealSet(card, None, None)}.get
    (made,) = segments_of(Plain(sampling), 1, ctx, card)
    assert len(most) == 30
    assert max(most) <= WAITING + 3  # written, on its way into the queue, just sampled
    assert len({made.images_of(label).tobytes() for label in range(120)}) == 120


# --- the selection -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Last:
    """Keeps the last group of every class but the first."""

    groups: int = 3

    def resolve(self, card, source):
        return self

    def needs(self, card):
        return ()

    def choose(self, card, ipc, images, ctx):
        counts = [sum(len(block) for block in images(label)) for label in range(card.num_classes)]
        assert counts == [self.groups * ipc] * card.num_classes
        return np.array([0] + [self.groups - 1] * (card.num_classes - 1))


def test_a_selection_keeps_whole_groups_of_what_the_plain_method_samples_for_more(context):
    real = RealSet(CARD, None, None)
    chosen = Plain(replace(SAMPLING, select=Last())).distill(real, 4, context())
    whole = pixels_of(Plain(SAMPLING).distill(real, 12, context())).reshape(3, 12, 16, 16, 3)
    expected = np.concatenate([whole[0, :4], whole[1, 8:], whole[2, 8:]])
    assert np.array_equal(pixels_of(chosen), expected)
    assert chosen.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert chosen.facts["forwards"] == 3 * 8.0


def test_the_images_of_groups_do_not_know_of_each_other(context):
    real = RealSet(CARD, None, None)
    chosen = Remembering(replace(SAMPLING, select=Last())).distill(real, 2, context())
    plain = Plain(replace(SAMPLING, select=Last())).distill(real, 2, context())
    one, other = pixels_of(chosen).astype(int), pixels_of(plain).astype(int)
    # The first of a group has none before it; the second has.
    assert np.abs(one[::2] - other[::2]).max() <= 1
    assert np.abs(one[1::2] - other[1::2]).max() > 1


# --- the thread ----------------------------------------------------------------------------------


def test_everything_is_written_in_order_before_the_writer_is_left():
    written = []
    with Writer(written.append) as writer:
        for item in range(20):
            writer.put(item)
    assert written == list(range(20))


def test_no_more_than_a_few_items_wait():
    gate, written = threading.Event(), []

    def write(item):
        gate.wait()
        written.append(item)

    reached = []

    def fill():
        with Writer(write, waiting=2) as writer:
            for item in range(6):
                writer.put(item)
                reached.append(item)

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join(0.3)
    assert len(reached) <= 3  # one is being written, two wait
    gate.set()
    thread.join()
    assert written == list(range(6))


def test_what_writing_meets_is_raised_where_items_come_from():
    def write(item):
        raise OSError(errno.EIO, "broken")

    def fill():
        with Writer(write) as writer:
            for item in range(1000):
                writer.put(item)

    with pytest.raises(OSError, match="broken"):
        fill()
