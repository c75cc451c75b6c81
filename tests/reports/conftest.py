from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.records import Data, Described, Provenance, Record
from bench.scores import SCORES

sys.path.append(str(Path(__file__).parent))  # for `story` and `hostile`, which are no tests

PROVENANCE = Provenance("2026-01-01", 2.5, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def _described(label: str) -> Described:
    return Described(label.partition("+")[0], label, label, asked={}, fields={})


def _record(
    method: str = "random",
    ipc: int | None = 10,
    at: tuple[int, int] = (0, 0),
    last: float = 50.0,
    protocol: str = "hard",
    student: str = "convnet3",
    dataset: str = "nette",
) -> Record:
    return Record(
        kind="evaluation",
        key=f"{method}/{ipc}/{at}/{protocol}/{student}/{dataset}",
        data=Data(dataset, "train", "val", "sha256:11112222aa", "sha256:33334444bb", 10),
        method=_described(method),
        ipc=ipc,
        seed=at[0],
        stochastic=True,
        protocol=_described(protocol),
        student=_described(student),
        student_seed=at,
        distilled=f"{method}/{ipc}/{at[0]}",
        scores={"top1_last": last, "top1_best": last + 1 / 3},
        provenance=PROVENANCE,
    )


def _cost(method: str = "random", ipc: int | None = 10, seed: int = 0, **facts) -> Record:
    return replace(
        _record(method, ipc, (seed, 0)),
        kind="distillation",
        key=f"distil {method}/{ipc}/{seed}",
        protocol=None,
        student=None,
        student_seed=None,
        scores={},
        facts={"images": 100, "bytes": 12345} | facts,
    )


def _images(
    method: str = "random",
    seed: int = 0,
    distilled: int = 50,
    networks: tuple[str, str] = ("inception", "resnet"),
    **scores: float,
) -> Record:
    """Return what one metric pass says; FID and what stands with it is of the first network."""
    named = {"fid": 40.0, "kid": 0.01, "coverage": 0.5, "embedding_l2": 0.4} | scores
    cards = {}
    for name in named:
        network = networks[SCORES[name].block == "embedding"]
        facts = {"extractor": network, "weights": f"w-{network}", "split": "train"}
        cards[name] = facts | {"real": 1000 if name == "kid" else 5000, "distilled": distilled}
    return replace(
        _record(method, at=(seed, 0), protocol="fidelity"),
        key=f"images {method}/{seed}/{distilled}/{networks}",
        student=None,
        student_seed=None,
        scores=named,
        cards=cards,
    )


@pytest.fixture(scope="session")
def images():
    """Build the record of one metric pass by hand."""
    return _images


@pytest.fixture(scope="session")
def record():
    """Build the record of one student by hand."""
    return _record


@pytest.fixture(scope="session")
def cost():
    """Build the record of one distillation by hand."""
    return _cost


@pytest.fixture(scope="session")
def main_job():
    """Records of three methods, two seeds, two students a set, and the reference row."""
    protocol = "hard+epochs=300,resolution=32"
    records = [
        _record(method, ipc, (s, r), value + s + r / 3, protocol, "convnet3+width=64")
        for method, value in (("random", 30.0), ("first", 25.0), ("kmeans", 35.0))
        for ipc in (1, 10)
        for s in range(2)
        for r in range(2)
    ]
    records += [_record("full", None, (0, r), 80.0, protocol, "convnet3+width=64") for r in (0, 1)]
    records += [_cost(m, ipc) for m in ("random", "first", "kmeans") for ipc in (1, 10)]
    return [*records, _cost("full", None, images=9469, bytes=123_456_789)]


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """Tell a run of two sets, two IPCs, two students and three protocols."""
    from story import story

    return story(tmp_path_factory.mktemp("told"))


@pytest.fixture(scope="session")
def told_small(tmp_path_factory):
    """Tell a run of one set, one IPC and one student."""
    from story import story

    return story(tmp_path_factory.mktemp("told_small"), small=True)


@pytest.fixture(scope="module")
def browser():
    """Start a headless Chromium."""
    from browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(told, tmp_path_factory):
    """Return where the page of the story lies."""
    from reports.page import page

    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(told.material), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser, address):
    """Open the page of the story; it must say, break and ask nothing."""
    from browsing import shown_in

    return partial(shown_in, browser, address)
