"""`bench fetch`, the first use of a set that is downloaded, and `--offline`."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from bench import data
from bench.data.classes import class_list
from bench.data.download.archives import ARCHIVES
from bench.data.fastai import FastaiSplit

NAME = "imagenette2-160"
FETCH = ("fetch", "--datasets", NAME)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Counting(ThreadingHTTPServer):
    daemon_threads = True
    asked = 0

    def process_request(self, *request) -> None:
        self.asked += 1
        super().process_request(*request)


def write_archive(path) -> None:
    """Write an archive of ten classes with 2 + 1 images."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as tar:
        for class_id in class_list("imagenette"):
            for place in ("train/{}/0.png", "train/{}/1.png", "val/{}/2.png"):
                image = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(image, "PNG")
                header = tarfile.TarInfo(f"{NAME}/{place.format(class_id)}")
                header.size = len(image.getvalue())
                tar.addfile(header, io.BytesIO(image.getvalue()))


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a tiny archive under the name of a registered one; nothing else can be reached."""
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("BENCH_OFFLINE", "BENCH_MIRROR", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    served = tmp_path / "served"
    served.mkdir()
    write_archive(served / f"{NAME}.tgz")
    server = Counting(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    base = f"http://127.0.0.1:{server.server_port}/"
    tiny = replace(
        ARCHIVES[NAME], images=(20, 10), resolution=16, size=None, md5="", sha256="", base=base
    )
    monkeypatch.setitem(data.DATASETS, NAME, FastaiSplit(tiny, "A tiny stand-in for an archive"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def blocked(monkeypatch):
    """Return a function after which every use of a socket is a fault of the program."""

    def touched(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    def block() -> None:
        for name in ("socket", "create_connection", "getaddrinfo"):
            monkeypatch.setattr(socket, name, touched)

    return block


@pytest.fixture
def run(tiny_run):
    """Return the arguments of a tiny run on the set that is downloaded."""
    arguments = list(tiny_run)
    arguments[arguments.index("--datasets") + 1] = NAME
    arguments[arguments.index("--ipc") + 1] = "1"
    return arguments


def test_a_set_is_fetched_once_and_said_to_be_here_afterwards(bench, server, own_cache):
    first, second = bench(*FETCH), bench(*FETCH)
    assert (first.status, second.status) == (0, 0)
    assert f"{NAME} is fetched: 20 + 10 images in {own_cache / 'datasets' / NAME}" in first.out
    assert "no published checksum" in first.out
    assert f"{NAME} is here already" in second.out
    assert f"{NAME}: unpacking" in first.err
    assert second.err == ""
    assert server.asked == 1


def test_a_set_below_the_data_root_is_not_fetched(
    bench, server, own_cache, tmp_path, monkeypatch, blocked
):
    assert bench(*FETCH).status == 0
    root = tmp_path / "root"
    root.mkdir()
    (own_cache / "datasets" / NAME).rename(root / NAME)
    monkeypatch.setenv("BENCH_DATA", str(root))
    blocked()
    answer = bench(*FETCH)
    assert answer.status == 0
    assert f"{NAME} is here already: 20 + 10 images in {root / NAME}" in answer.out


def test_contents_are_verified_of_sets_that_were_fetched(bench, server, run, tmp_path, own_cache):
    out = tmp_path / "out"
    assert bench(*run, "--out", out).status == 0
    answer = bench("verify", out, "--content")
    assert answer.status == 0
    assert answer.out.splitlines()[-1].endswith(f"real sets: {NAME}; nothing wrong.")
    image = next((own_cache / "datasets" / NAME / "val").rglob("*.*"))
    image.write_bytes(image.read_bytes()[:50].ljust(image.stat().st_size, b"x"))
    assert bench("verify", out, "--content").status == 1


def test_a_generator_that_is_here_is_not_asked_for(bench, tmp_path, monkeypatch, blocked):
    for place in ("transformer", "vae"):
        weights = tmp_path / "dit-xl-2-256" / place / "diffusion_pytorch_model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(bytes(10**6))
    monkeypatch.setenv("BENCH_GENERATORS", str(tmp_path))
    blocked()
    answer = bench("fetch", "--generators", "dit-xl-2-256", "--offline")
    assert answer.status == 0, answer.err
    assert answer.out == "dit-xl-2-256 is here already: 2 files, 2 MB\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["needs something to fetch", "bench fetch --datasets"]),
        (["--datasets", ""], ["needs something to fetch"]),
        (["--datasets", "imagenette2-300"], ["'imagenette2-300'", "Did you mean"]),
        (["--datasets", f"{NAME},imagenette"], ["'imagenette'", "imagewoof2-320"]),
        (["--datasets", "shapewoof"], ["'shapewoof'", "can be fetched"]),
        (["--datasets", "x=folder:/a"], ["'x=folder:/a'", "can be fetched"]),
        (["--generators", "dit-xl-2-512"], ["'dit-xl-2-512'", "Did you mean"]),
    ],
)
def test_wrong_usage_is_answered_before_anything_is_fetched(arguments, words, bench, server):
    answer = bench("fetch", *arguments)
    assert answer.status == 2
    for word in words:
        assert word in answer.err
    assert server.asked == 0


def test_a_run_with_nothing_but_the_network_ends_with_a_leaderboard(
    bench, server, run, tmp_path, blocked
):
    answer = bench(*run, "--out", tmp_path / "out")
    assert answer.status == 0, answer.err
    assert f"{NAME} · IPC 1 · train fastai-v2-160" in answer.out
    said = " ".join(answer.out.split())
    assert "most papers and protocols are of ILSVRC2012's images" in said
    assert "this split is not theirs" in said
    blocked()
    again = bench(*run, "--offline", "--out", tmp_path / "other")
    assert again.status == 0, again.err
    assert server.asked == 1


def test_scoring_a_folder_fetches_the_set_it_is_scored_on(bench, server, run, tmp_path):
    made = tmp_path / "made"
    for class_id in class_list("imagenette"):
        (made / class_id).mkdir(parents=True)
        Image.new("RGB", (16, 16)).save(made / class_id / "0.png")
    options = run[run.index("--protocols") : run.index("--seeds")]
    score = ("score", made, "--dataset", NAME, *options, "--seeds", "1", "--out", tmp_path / "out")
    assert bench(*score, "--offline").status == 2
    assert bench(*score).status == 0


@pytest.mark.parametrize("option", ["--offline", "--dry-run", "BENCH_OFFLINE"])
def test_offline_and_in_a_dry_run_a_missing_set_is_one_sentence(
    option, bench, server, run, tmp_path, own_cache, blocked, monkeypatch
):
    if option == "BENCH_OFFLINE":
        monkeypatch.setenv(option, "1")
    blocked()
    extra = [option] if option.startswith("--") else []
    answer = bench(*run, *extra, "--out", tmp_path / "out")
    assert answer.status == 2
    (sentence,) = answer.err.splitlines()
    assert f"`bench fetch --datasets {NAME}`" in sentence
    assert str(own_cache / "datasets" / NAME) in sentence
    assert not (tmp_path / "out").exists()
    assert [path for path in own_cache.rglob("*") if path.name != "in-use"] == []


@pytest.mark.parametrize("generator", ["dit-xl-2-256", "sd-v1-5"])
def test_offline_missing_weights_are_one_sentence(generator, bench, blocked, monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    blocked()
    answer = bench("fetch", "--generators", generator, "--offline")
    assert answer.status == 1
    (sentence,) = answer.err.splitlines()
    assert f"`bench fetch --generators {generator}`" in sentence
    assert "BENCH_GENERATORS" in sentence


def test_a_run_is_online_again_after_one_that_was_not(bench, server, run, tmp_path):
    assert bench(*run, "--offline", "--out", tmp_path / "out").status == 2
    assert bench(*FETCH).status == 0


def test_the_doctor_lists_a_set_that_was_fetched(bench, server, own_cache, tmp_path):
    bench(*FETCH)
    answer = bench("doctor", "--data-root", tmp_path)
    assert f"{NAME} in {own_cache / 'datasets' / NAME}" in answer.out


def test_a_terminal_gets_a_bar_for_every_step(monkeypatch, capfd):
    from bench.data.download.display import shown

    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with shown("woof[bold]") as watch:
        for done in (0, 50, 100):
            watch("fetching", done, None)
        watch("unpacking", 100, 100)
    printed = capfd.readouterr().err
    assert "woof[bold]: unpacking" in printed


def test_a_log_gets_a_line_when_a_step_begins_and_no_flood(capfd):
    from bench.data.download.display import shown

    with shown("woof") as watch:
        for done in range(0, 10**8, 10**5):
            watch("fetching", done, 10**8)
        watch("checking", 10**8, None)
    assert capfd.readouterr().err.splitlines() == [
        "woof: fetching, 0 of 100 MB",
        "woof: checking, 100 MB",
    ]
