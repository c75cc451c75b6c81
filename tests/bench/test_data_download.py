"""Fetching from a local server that can be told to misbehave."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import socket
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench import data
from bench.data.classes import class_list
from bench.data.download.archives import ARCHIVES, Archive, names_of
from bench.data.download.fetch import Patience
from bench.data.download.network import addresses, is_offline, offline
from bench.data.download.provide import provide
from bench.data.fastai import FastaiSplit
from bench.errors import BenchError, UsageError

NAME = "imagewoof2-160"
TRAIN, VAL = 3, 2
QUICK = Patience(attempts=3, seconds=10.0, pause=0.0)


def packed(classes: tuple[str, ...], train: int = TRAIN, val: int = VAL) -> bytes:
    """Return an archive of files of a few bytes: opening a set reads no image."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:

        def add(name: str, content: bytes) -> None:
            header = tarfile.TarInfo(f"{NAME}/{name}")
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))

        add("noisy_imagewoof.csv", b"path,noisy_labels_0\n")
        for split, count in (("train", train), ("val", val)):
            for class_id, k in itertools.product(sorted(classes), range(count)):
                add(f"{split}/{class_id}/{class_id}_{k}.JPEG", os.urandom(500) + b"%d" % k)
                add(f"{split}/{class_id}/._{k}.JPEG", b"of a Macintosh")
    return out.getvalue()


class Server(ThreadingHTTPServer):
    """Serves `files` by path; the next requests are answered by `faults`, if there are any."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list = []
        self.asked: list[tuple[str, str | None]] = []
        """Path and Range of every request."""
        self.sent = 0
        self.released = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has gone."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.asked.append((self.path, self.headers["Range"]))
        whole = self.server.files.get(self.path.removeprefix("/mirror"))
        if self.server.faults:
            self.server.faults.pop(0)(self, whole)
        elif whole is None:
            self.send_error(404)
        else:
            honest(self, whole)

    def answer(self, status: int, body: bytes, most: int | None = None, **headers: object) -> None:
        """Send a body, or only its beginning under the headers of the whole."""
        self.send_response(status)
        for name, value in {"Content_Length": len(body), "Connection": "close", **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body[:most])
        self.wfile.flush()
        self.server.sent += len(body[:most])

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def tag(whole: bytes) -> str:
    return f'"{hashlib.sha256(whole).hexdigest()[:9]}"'


def honest(to: Handler, whole: bytes, share: float = 1.0) -> None:
    """Answer as a good server does, or send only a share of that."""
    asked = re.fullmatch(r"bytes=(\d+)-", to.headers["Range"] or "")
    start = int(asked[1]) if asked and to.headers["If-Range"] in (None, tag(whole)) else 0
    if asked and start >= len(whole):
        to.answer(416, b"", Content_Range=f"bytes */{len(whole)}")
    elif start:
        span = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        most = int(share * (len(whole) - start))
        to.answer(206, whole[start:], most, ETag=tag(whole), Content_Range=span)
    else:
        most = int(share * len(whole))
        to.answer(200, whole, most, ETag=tag(whole), Content_Type="application/x-tar")


def half(to: Handler, whole: bytes) -> None:
    honest(to, whole, 0.5)


def stalling(to: Handler, whole: bytes) -> None:
    half(to, whole)
    to.server.released.wait(5)


def without_ranges(to: Handler, whole: bytes) -> None:
    to.answer(200, whole)


def half_without_ranges(to: Handler, whole: bytes) -> None:
    to.answer(200, whole, len(whole) // 2)


def another_part(to: Handler, whole: bytes) -> None:
    to.answer(206, whole[7:], Content_Range=f"bytes 7-{len(whole) - 1}/{len(whole)}")


def part_of_another_file(to: Handler, whole: bytes) -> None:
    start = int(re.findall(r"\d+", to.headers["Range"])[0])
    span = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
    to.answer(206, whole[start:], ETag='"another"', Content_Range=span)


def unsatisfied(to: Handler, whole: bytes) -> None:
    to.answer(416, b"", Content_Range=f"bytes */{len(whole)}")


def web_page(to: Handler, whole: bytes) -> None:
    to.answer(200, b"<html>Please sign in</html>", Content_Type="text/html; charset=utf-8")


def disguised_page(to: Handler, whole: bytes) -> None:
    to.answer(200, b"<html>Please sign in</html>", Content_Type="application/x-tar")


def empty(to: Handler, whole: bytes) -> None:
    to.answer(200, b"")


def longer(to: Handler, whole: bytes) -> None:
    to.answer(200, whole + b"\0")


def longer_than_it_says(to: Handler, whole: bytes) -> None:
    to.answer(200, whole + bytes(10**6), Content_Length=None)


def shorter_without_saying(to: Handler, whole: bytes) -> None:
    to.answer(200, whole[:-9], Content_Length=None)


def changed(to: Handler, whole: bytes) -> None:
    middle = len(whole) // 2
    to.answer(200, whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


def busy(to: Handler, whole: bytes) -> None:
    to.answer(503, b"later")


def forbidden(to: Handler, whole: bytes) -> None:
    to.answer(403, b"no")


def hanging_up(to: Handler, whole: bytes) -> None:
    to.connection.shutdown(socket.SHUT_RDWR)


def elsewhere(to: Handler, whole: bytes) -> None:
    to.answer(302, b"", Location="file:///etc/passwd")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("BENCH_OFFLINE", raising=False)
    monkeypatch.delenv("BENCH_MIRROR", raising=False)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def archive(server) -> Archive:
    """Return a small Imagewoof that the server has."""
    whole = packed(class_list("imagewoof"))
    server.files[f"/{NAME}.tgz"] = whole
    return replace(
        ARCHIVES[NAME],
        images=(10 * TRAIN, 10 * VAL),
        size=len(whole),
        md5=hashlib.md5(whole, usedforsecurity=False).hexdigest(),
        base=server.base,
    )


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def get(archive: Archive, cache: Path, watch=lambda *_: None, patience=QUICK) -> Path:
    return provide(archive, cache, watch, patience)


def left(cache: Path) -> set[str]:
    """Return what lies in the cache, but for the lock."""
    folder = cache / "datasets"
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return names - {f"{NAME}.lock"}


def opened(archive: Archive, cache: Path, root: Path | None = None):
    return FastaiSplit(archive, "").open(NAME, root, cache)


def no_network(monkeypatch) -> None:
    def blocked(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, blocked)


# What there is to fetch ------------------------------------------------------------------------


def test_the_checksums_of_imagenette_are_those_of_torchvision():
    from torchvision.datasets import Imagenette

    published = Imagenette._ARCHIVES
    for name, size in (("", "full"), ("-320", "320px"), ("-160", "160px")):
        archive = ARCHIVES[f"imagenette2{name}"]
        assert (archive.base + archive.file, archive.md5) == published[size]


def test_every_archive_is_a_registered_set_of_its_own_split():
    assert set(ARCHIVES) <= set(data.DATASETS)
    assert len({(a.classes, a.split) for a in ARCHIVES.values()}) == len(ARCHIVES) == 6
    for name, archive in ARCHIVES.items():
        assert archive.split == f"fastai-v2{name.removeprefix(f'{archive.classes}2')}"
        assert name in names_of(archive.classes)
        assert sum(archive.images) == {"imagenette": 13_394, "imagewoof": 12_954}[archive.classes]


# A server that behaves -------------------------------------------------------------------------


def test_a_fetched_set_has_the_labels_of_the_class_list_and_says_which_split_it_is(archive, cache):
    get(archive, cache)
    real = opened(archive, cache)
    card = real.card
    assert card.classes == class_list("imagewoof") != tuple(sorted(card.classes))
    assert card.train_split == card.test_split == "fastai-v2-160"
    assert (card.class_sizes, card.resolution) == ((TRAIN,) * 10, 160)
    for part, count in ((real.train, TRAIN), (real.test, VAL)):
        found = [part.images.names[i].split("/")[0] for i in range(len(part))]
        assert found == [class_id for class_id in card.classes for _ in range(count)]


def test_nothing_but_the_set_is_kept_and_its_origin_is_noted(archive, cache, server):
    folder = get(archive, cache)
    assert left(cache) == {NAME}
    note = json.loads((folder / "download.json").read_bytes())
    whole = server.files[f"/{NAME}.tgz"]
    assert note["sha256"] == hashlib.sha256(whole).hexdigest()
    assert (note["url"], note["verified_by"]) == (f"{server.base}{NAME}.tgz", "md5")
    assert not (folder / "noisy_imagewoof.csv").exists()


def test_what_is_here_is_not_asked_for_again(archive, cache, server):
    assert get(archive, cache) == get(archive, cache)
    assert len(server.asked) == 1


def test_progress_is_told_in_bytes_up_to_the_whole(archive, cache):
    told: dict[str, list[tuple[int, int | None]]] = {}
    get(archive, cache, lambda step, *count: told.setdefault(step, []).append(count))
    assert list(told) == ["fetching", "checking", "unpacking"]
    for counts in told.values():
        assert [done for done, _ in counts] == sorted(done for done, _ in counts)
        assert {total for _, total in counts} == {archive.size}
        assert counts[-1][0] == archive.size


def test_two_at_once_download_once(archive, cache, server):
    folders: list[Path] = []
    threads = [
        threading.Thread(target=lambda: folders.append(get(archive, cache))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 3
    assert len(server.asked) == 1


def test_without_a_published_checksum_the_images_are_counted(archive, cache):
    unknown = replace(archive, size=None, md5="")
    folder = get(unknown, cache)
    assert json.loads((folder / "download.json").read_bytes())["verified_by"] == ""
    for images in ((31, 20), (30, 19)):
        with pytest.raises(BenchError, match=r"holds 30 \+ 20 images"):
            get(replace(unknown, images=images), cache.parent / "other")
    assert left(cache.parent / "other") == set()


def test_a_name_of_ilsvrc_without_a_data_root_names_what_can_be_downloaded(tmp_path):
    with pytest.raises(UsageError) as caught:
        data.open_real_set("imagewoof", data_root=None, cache=tmp_path)
    for word in ("ILSVRC2012", "--data-root", "imagewoof2-320", "split of fastai"):
        assert word in str(caught.value)
    with pytest.raises(UsageError) as caught:
        data.open_real_set("imagenet100", data_root=None, cache=tmp_path)
    assert "fastai" not in str(caught.value)


# Going on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [half, stalling, hanging_up])
def test_a_transfer_that_breaks_off_is_gone_on_with(fault, archive, cache, server):
    server.faults = [half, fault]
    get(archive, cache, patience=Patience(5, 0.4 if fault is stalling else 10.0, 0.0))
    whole = len(server.files[f"/{NAME}.tgz"])
    assert server.asked[1][1] == f"bytes={whole // 2}-"
    assert server.sent < 1.1 * whole
    assert len(opened(archive, cache).train) == 30


def test_a_later_run_goes_on_where_an_earlier_one_stopped(archive, cache, server):
    server.faults = [half, busy, busy]
    with pytest.raises(BenchError, match="503"):
        get(archive, cache)
    assert left(cache) == {f"{NAME}.tgz.partial", f"{NAME}.tgz.partial.json"}
    get(archive, cache)
    assert server.sent < 1.1 * len(server.files[f"/{NAME}.tgz"])
    assert left(cache) == {NAME}


def test_a_download_that_was_whole_is_not_asked_for_again(archive, cache, server, monkeypatch):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bench.data.download.provide.checked", stopped)
        with pytest.raises(KeyboardInterrupt):
            get(archive, cache)
    get(archive, cache)
    assert len(server.asked) == 1


def test_a_file_that_changed_meanwhile_is_fetched_anew(archive, cache, server):
    server.faults = [half]
    with pytest.raises(BenchError, match="stops after"):
        get(archive, cache, patience=Patience(1, 1.0, 0.0))
    newer = packed(class_list("imagewoof"))
    server.files[f"/{NAME}.tgz"] = newer
    folder = get(replace(archive, size=len(newer), md5=""), cache)
    noted = json.loads((folder / "download.json").read_bytes())["sha256"]
    assert noted == hashlib.sha256(newer).hexdigest()


@pytest.mark.parametrize(
    "faults",
    [
        [half_without_ranges, without_ranges],
        [half, without_ranges],
        [half, another_part],
        [half, part_of_another_file],
        [half, unsatisfied],
    ],
)
def test_a_server_that_cannot_go_on_is_asked_for_the_whole(faults, archive, cache, server):
    server.faults = list(faults)
    get(archive, cache)
    assert len(opened(archive, cache).train) == 30


def test_a_note_that_cannot_be_read_costs_a_fresh_start(archive, cache, server):
    server.faults = [half]
    with pytest.raises(BenchError):
        get(archive, cache, patience=Patience(1, 1.0, 0.0))
    (cache / "datasets" / f"{NAME}.tgz.partial.json").write_text("{")
    get(archive, cache)
    assert server.asked[-1][1] is None


def test_attempts_are_bounded(archive, cache, server):
    server.faults = [busy] * 50
    with pytest.raises(BenchError, match=r"503 .*3 attempts"):
        get(archive, cache)
    assert len(server.asked) == 3


# A server that does not ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (web_page, "web page"),
        (disguised_page, "offers 27 bytes"),
        (empty, "offers 0 bytes"),
        (longer, "offers"),
        (longer_than_it_says, "sends more than"),
        (shorter_without_saying, "bytes where the archive has"),
        (changed, "md5"),
        (forbidden, "403"),
        (elsewhere, "file:"),
    ],
)
def test_what_is_not_the_archive_is_refused_once_and_nothing_is_kept(
    fault, words, archive, cache, server
):
    server.faults = [fault]
    with pytest.raises(BenchError, match=words) as caught:
        get(archive, cache)
    assert f"{server.base}{NAME}.tgz" in str(caught.value)
    assert len(server.asked) == 1
    assert left(cache) == set()


@pytest.mark.parametrize("fault", [disguised_page, empty, shorter_without_saying, changed])
def test_without_a_published_size_it_is_refused_all_the_same(fault, archive, cache, server):
    server.faults = [fault] * 3
    with pytest.raises(BenchError):
        get(replace(archive, size=None, md5=""), cache)
    assert left(cache) == set()


@pytest.mark.parametrize("fault", [web_page, disguised_page, longer, forbidden])
def test_a_refusal_leaves_what_is_here_of_a_download(fault, archive, cache, server):
    server.faults = [half, fault]
    with pytest.raises(BenchError):
        get(archive, cache)
    assert (cache / "datasets" / f"{NAME}.tgz.partial").stat().st_size == archive.size // 2
    get(archive, cache)
    assert server.asked[-1][1] == f"bytes={archive.size // 2}-"


def test_an_address_without_a_server_is_named(archive, cache, server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(BenchError, match="refused") as caught:
        get(replace(archive, base=gone), cache)
    assert gone in str(caught.value)


def test_a_hostile_archive_leaves_nothing(archive, cache, server):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        link = tarfile.TarInfo(f"{NAME}/train")
        link.type, link.linkname = tarfile.SYMTYPE, str(cache.parent)
        tar.addfile(link)
    server.files[f"/{NAME}.tgz"] = out.getvalue()
    with pytest.raises(BenchError, match="a link"):
        get(replace(archive, size=None, md5=""), cache)
    assert left(cache) == set()


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(archive, cache, server):
    with pytest.raises(BenchError, match="free some space"):
        get(replace(archive, size=10**15), cache)
    assert server.asked == []


def test_a_disk_that_fills_up_costs_no_second_download(archive, cache, server, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bench.data.download.extract._Unpacking._write", full)
        with pytest.raises(BenchError, match=r"disk .* is full"):
            get(archive, cache)
    assert left(cache) == {f"{NAME}.tgz.partial", f"{NAME}.tgz.partial.json"}
    get(archive, cache)
    assert len(server.asked) == 1


def test_what_a_killed_process_has_left_is_no_set(archive, cache):
    aside = cache / "datasets" / f"{NAME}.unpacking"
    (aside / "train" / "n02096294").mkdir(parents=True)
    (aside / "train" / "n02096294" / "half.JPEG").write_text("half")
    assert len(list((get(archive, cache) / "train").rglob("*.JPEG"))) == 30
    assert left(cache) == {NAME}


# Mirrors ---------------------------------------------------------------------------------------


def test_mirrors_are_asked_first_and_the_publisher_last(archive, cache, server, monkeypatch):
    monkeypatch.setenv("BENCH_MIRROR", f"{server.base}nowhere {server.base}mirror/")
    folder = get(archive, cache)
    assert [path for path, _ in server.asked] == [f"/nowhere/{NAME}.tgz", f"/mirror/{NAME}.tgz"]
    assert "/mirror/" in json.loads((folder / "download.json").read_bytes())["url"]


def test_a_mirror_with_another_file_is_passed_over(archive, cache, server, monkeypatch):
    monkeypatch.setenv("BENCH_MIRROR", f"{server.base}mirror")
    server.faults = [changed]
    get(archive, cache)
    assert [path for path, _ in server.asked] == [f"/mirror/{NAME}.tgz", f"/{NAME}.tgz"]


@pytest.mark.parametrize(
    "text", ["mirror.org", "file:///data", "ftp://a.b/", "http://", "http://["]
)
def test_a_mirror_that_is_no_web_address_is_wrong_usage(text, monkeypatch):
    monkeypatch.setenv("BENCH_MIRROR", f"https://good.org/data {text}")
    with pytest.raises(UsageError, match="BENCH_MIRROR"):
        addresses("a.tgz", "https://x.org/")


# Without a network -----------------------------------------------------------------------------


def test_offline_nothing_is_fetched_and_the_command_for_elsewhere_is_said(
    archive, cache, monkeypatch
):
    no_network(monkeypatch)
    with offline(True), pytest.raises(UsageError) as caught:
        get(archive, cache)
    assert f"`bench fetch --datasets {NAME}`" in str(caught.value)
    assert str(cache / "datasets" / NAME) in str(caught.value)
    assert not cache.exists()


def test_offline_what_is_here_is_opened(archive, cache, monkeypatch):
    get(archive, cache)
    no_network(monkeypatch)
    with offline(True):
        assert get(archive, cache).is_dir()
        assert len(opened(archive, cache).train) == 30


def test_an_archive_put_there_by_hand_is_used_offline_and_kept(archive, cache, server, monkeypatch):
    by_hand = cache / "datasets" / f"{NAME}.tgz"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(server.files[f"/{NAME}.tgz"])
    no_network(monkeypatch)
    with offline(True):
        get(archive, cache)
    assert left(cache) == {NAME, f"{NAME}.tgz"}


def test_an_archive_put_there_by_hand_that_is_another_is_refused_and_kept(archive, cache, server):
    by_hand = cache / "datasets" / f"{NAME}.tgz"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"the only copy of something")
    with pytest.raises(BenchError, match=re.escape(str(by_hand))):
        get(archive, cache)
    assert by_hand.read_bytes() == b"the only copy of something"
    assert left(cache) == {f"{NAME}.tgz"}
    assert server.asked == []


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_the_environment_says_offline_too_and_is_left_as_it_was(text, expected, monkeypatch):
    monkeypatch.setenv("BENCH_OFFLINE", text)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert is_offline() is expected
    with offline(False):
        assert is_offline() is expected
        assert ("HF_HUB_OFFLINE" in os.environ) is expected
    with offline(True):
        assert is_offline()
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert (os.environ["BENCH_OFFLINE"], "HF_HUB_OFFLINE" in os.environ) == (text, False)


# What is here ----------------------------------------------------------------------------------


def test_an_unpacked_archive_below_the_data_root_is_taken_first(archive, cache, tmp_path):
    root = tmp_path / "data"
    shutil.move(get(archive, cache), root / NAME)
    assert len(opened(archive, cache, root).train) == 30
    with pytest.raises(UsageError, match="is not here"):
        opened(archive, cache)


def test_opening_fetches_nothing(archive, cache, server):
    with pytest.raises(UsageError, match=f"bench fetch --datasets {NAME}"):
        opened(archive, cache)
    assert server.asked == []


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), r"holds 29 \+ 20 images"),
        (lambda path: path.write_bytes(b"cut"), "bytes of images"),
        (lambda path: (path.parents[2] / "download.json").write_text("{"), "cannot be read"),
        (lambda path: shutil.rmtree(path.parent), "class folders"),
    ],
)
def test_a_set_that_is_no_longer_whole_is_refused_and_not_repaired(harm, words, archive, cache):
    image = min((get(archive, cache) / "train").rglob("*.JPEG"))
    harm(image)
    before = sorted(cache.rglob("*"))
    with pytest.raises(BenchError, match=words):
        opened(archive, cache)
    assert [path for path in before if not path.exists()] == []
