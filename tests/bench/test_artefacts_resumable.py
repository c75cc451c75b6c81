import contextlib
import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from bench import artefacts, provenance
from bench.artefacts import ArtefactStore, title
from bench.context import Context
from bench.errors import BenchError
from bench.preparation.blocks import Blocks
from bench.preparation.per_class import MOST_MAPPED, ClassFiles, require_room
from bench.provenance import code_stamp
from bench.streams import Streams

CPU = torch.device("cpu")


class Killed(BaseException):
    pass


@dataclass(frozen=True)
class Squares:
    """Five classes; a build may be killed before a label."""

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True
    made: ClassVar[list[int]] = []
    killed_at: ClassVar[int] = 99

    name: str = "squares"

    def needs(self):
        return ()

    def build(self, ctx, out):
        files = ClassFiles(out)
        for label in files.missing(5):
            if label == type(self).killed_at:
                (out / ".0099.npy.aside").write_bytes(b"half")
                raise Killed
            files.write(label, np.array([label**2]))
            self.made.append(label)

    def load(self, path, device):
        return ClassFiles(path)


class FromScratch(Squares):
    resumable: ClassVar[bool] = False


@pytest.fixture
def ctx(tmp_path):
    return Context(CPU, Streams((0,)), tmp_path, ArtefactStore(tmp_path), {}.__getitem__)


@pytest.fixture(autouse=True)
def unkilled():
    Squares.made.clear()
    yield
    for kind in (Squares, FromScratch):
        kind.killed_at = 99


def killed_before(artefact, label, ctx):
    type(artefact).killed_at = label
    with contextlib.suppress(Killed):
        ctx.get(artefact)
    type(artefact).killed_at = 99


def contents(ctx, artefact):
    folder = ctx.artefacts.path(artefact)
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != artefacts.META
    }


def test_a_build_goes_on_where_it_was_killed(ctx):
    killed_before(Squares(), 3, ctx)
    found = ctx.get(Squares())
    assert Squares.made == [0, 1, 2, 3, 4]
    assert [int(found.of_class(label)[0]) for label in range(5)] == [0, 1, 4, 9, 16]


def test_a_resumed_artefact_holds_what_an_undisturbed_one_holds(ctx):
    killed_before(Squares("killed"), 2, ctx)
    for name in ("killed", "whole"):
        ctx.get(Squares(name))
    assert contents(ctx, Squares("killed")) == contents(ctx, Squares("whole"))


def test_other_code_begins_anew(ctx, monkeypatch):
    killed_before(Squares(), 3, ctx)
    monkeypatch.setattr(provenance, "state_of_project", lambda: "mended")
    ctx.get(Squares())
    assert Squares.made == [0, 1, 2, 0, 1, 2, 3, 4]


def test_what_is_not_resumable_begins_anew(ctx):
    killed_before(FromScratch(), 3, ctx)
    ctx.get(FromScratch())
    assert Squares.made == [0, 1, 2, 0, 1, 2, 3, 4]


def test_the_stamp_depends_on_code_libraries_and_device(monkeypatch):
    stamps = {code_stamp(CPU), code_stamp(torch.device("cuda"))}
    monkeypatch.setattr(provenance, "state_of_project", lambda: "other")
    stamps.add(code_stamp(CPU))
    monkeypatch.setattr(provenance, "package_versions", lambda: {"torch": "9"})
    stamps.add(code_stamp(CPU))
    assert len(stamps) == 4
    assert code_stamp(CPU) == code_stamp(CPU)


def test_an_artefact_may_have_words_of_its_own_and_stay_silent(ctx, monkeypatch):
    monkeypatch.setattr(artefacts, "WORTH_SAYING", 0.0)
    heard = []
    ctx.artefacts.announce = heard.append

    class Named(Squares):
        words: ClassVar[str] = "five squares"

    class Silent(Squares):
        announced: ClassVar[bool] = False

    ctx.get(Named())
    ctx.get(Silent())
    assert title(Named()) == "five squares"
    assert len(heard) == 1
    assert heard[0].startswith("Built five squares once for all: ")


def test_the_work_of_units_is_done_anew_where_asked_and_all_else_is_shared(ctx, tmp_path):
    class OwnWork(FromScratch):
        announced: ClassVar[bool] = False

    for artefact in (OwnWork(), FromScratch()):
        ctx.get(artefact)
    Squares.made.clear()
    store = ArtefactStore(tmp_path, anew=True)
    again = Context(CPU, Streams((0,)), tmp_path, store, {}.__getitem__)
    assert not store.has(OwnWork())
    for _ in range(2):
        assert int(again.get(OwnWork()).of_class(3)[0]) == 9
        again.get(FromScratch())
    assert Squares.made == [0, 1, 2, 3, 4]
    assert store.has(OwnWork())


def test_rows_come_back_as_they_were_appended(tmp_path):
    files, rows = ClassFiles(tmp_path), np.arange(24, dtype=np.float32).reshape(6, 2, 2)
    with files.open_rows(7, 6, (2, 2), "<f2") as target:
        for block in (rows[:1], rows[1:5], rows[5:]):
            target.append(block)
    found = files.of_class(7)
    assert found.dtype == np.float16
    assert (found == rows).all()
    assert not found.flags.writeable
    assert files.missing(9) == [0, 1, 2, 3, 4, 5, 6, 8]


def test_rows_that_were_cut_short_leave_no_file(tmp_path):
    files = ClassFiles(tmp_path)
    with contextlib.suppress(Killed), files.open_rows(0, 6, (2,), "<f4") as target:
        target.append(np.zeros((3, 2)))
        raise Killed
    with (
        pytest.raises(ValueError, match=r"^Expected 6 rows, got 3.$"),
        files.open_rows(0, 6, (2,), "<f4") as target,
    ):
        target.append(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="shape"), files.open_rows(0, 1, (2,), "<f4") as target:
        target.append(np.zeros((1, 3)))
    assert list(tmp_path.iterdir()) == []


def test_few_files_are_mapped_at_a_time(tmp_path):
    files = ClassFiles(tmp_path)
    for label in range(70):
        files.write(label, np.array([label]))
    assert [int(files.of_class(label)[0]) for label in range(70)] == list(range(70))
    assert len(files._mapped) == MOST_MAPPED < 70
    assert int(files.of_class(0)[0]) == 0


def test_two_kinds_of_file_lie_side_by_side(tmp_path):
    images, latents = ClassFiles(tmp_path), ClassFiles(tmp_path, "latents.npy")
    images.write(0, np.array([1]))
    latents.write(0, np.array([2]))
    assert [int(images.of_class(0)[0]), int(latents.of_class(0)[0])] == [1, 2]


def test_a_disk_without_room_is_told_beforehand(tmp_path):
    require_room(tmp_path, 0, "The latents of 'tiny'")
    with pytest.raises(BenchError, match=r"^The latents of 'tiny' need .* MB in .*BENCH_CACHE"):
        require_room(tmp_path, 10**18, "The latents of 'tiny'")


def test_blocks_cover_all_rows_in_order():
    assert list(Blocks(4).over(10, lambda a, b: (a, b))) == [(0, 4), (4, 8), (8, 10)]
    assert list(Blocks(4).over(0, lambda a, b: (a, b))) == []


def test_a_block_that_does_not_fit_is_halved_for_good():
    def work(start, stop):
        if stop - start > 3:
            raise torch.OutOfMemoryError
        return list(range(start, stop))

    blocks = Blocks(10)
    assert [*itertools.chain(*blocks.over(11, work))] == list(range(11))
    assert blocks.size == 2
    assert list(blocks.over(4, work)) == [[0, 1], [2, 3]]


def test_memory_that_is_too_small_for_one_row_is_one_sentence():
    def work(start, stop):
        raise torch.OutOfMemoryError

    with pytest.raises(BenchError, match="does not suffice for a single image"):
        list(Blocks(8).over(5, work))
    with pytest.raises(ValueError, match=r"^`size` must be at least 1, got 0.$"):
        Blocks(0)
