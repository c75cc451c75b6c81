"""Weight files of feature networks: where they are looked for, and what is never opened."""

import errno
import hashlib
import http.client
import pickle
import ssl
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.data.download import network
from bench.errors import BenchError, UsageError
from bench.features import imagenet, weights
from bench.features.clean import opened
from bench.features.extractors import CLEAN, INCEPTION, KNOWN, Extractor, find_extractor
from bench.features.inception import InceptionWeights
from bench.features.weights import FOLDER, WeightFile, cache_folder, found, provided, require
from bench.streams import Streams

CONTENT = b"weights of something"
FILE = WeightFile(
    "inception-clean",
    "of-this-test-alone.pt",
    "http://nowhere.invalid/of-this-test-alone.pt",
    len(CONTENT),
    hashlib.sha256(CONTENT).hexdigest(),
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Folders of this test for everything that may hold weights; no network."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "given"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    for folder in (tmp_path / "given", hub, cache_folder()):
        folder.mkdir(parents=True)
    return {"given": tmp_path / "given", "cache": cache_folder(), "torch": hub}


@pytest.fixture
def online(tmp_path, monkeypatch):
    """Serve a folder on this machine; return it and the address of the file in it."""
    monkeypatch.delenv("BENCH_OFFLINE")
    served = tmp_path / "served"
    served.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served, replace(FILE, url=f"http://127.0.0.1:{server.server_port}/{FILE.file}")
        server.shutdown()


def test_the_named_folder_comes_before_the_cache_and_the_cache_before_torchs(places):
    for place in ("torch", "cache", "given"):
        assert found(FILE) != places[place] / FILE.file
        (places[place] / FILE.file).write_bytes(CONTENT)
        assert found(FILE) == places[place] / FILE.file


@pytest.mark.parametrize("place", ["given", "cache"])
@pytest.mark.parametrize("other", [b"another file altogether", CONTENT[:-1] + b"G"])
def test_another_file_in_a_place_of_ours_is_an_error_and_is_not_replaced(places, place, other):
    path = places[place] / FILE.file
    path.write_bytes(other)
    prefixes = (hashlib.sha256(other).hexdigest()[:8], FILE.sha256[:8])
    with pytest.raises(BenchError, match="begins with {} and not with {}".format(*prefixes)):
        provided(FILE)
    assert path.read_bytes() == other


def test_another_file_in_torchs_cache_is_passed_over_and_the_user_told(places):
    (places["torch"] / FILE.file).write_bytes(CONTENT[:-1] + b"G")
    told = []
    assert found(FILE, told.append) is None
    assert len(told) == 1
    assert str(places["torch"]) in told[0]


def test_what_others_can_change_is_copied_before_it_is_used(places):
    (places["torch"] / FILE.file).write_bytes(CONTENT)
    path = provided(FILE)
    assert path == places["cache"] / FILE.file
    (places["torch"] / FILE.file).write_bytes(b"changed since")
    assert path.read_bytes() == CONTENT


def test_a_file_that_changes_while_it_is_copied_is_refused(places, monkeypatch):
    path = places["torch"] / FILE.file
    path.write_bytes(CONTENT)

    def copy(source, target):
        target.write_bytes(b"changed meanwhile")

    monkeypatch.setattr(weights.shutil, "copyfile", copy)
    with pytest.raises(BenchError, match="is not the file that 'inception-clean' needs"):
        provided(FILE)
    assert [p.name for p in places["cache"].iterdir() if p.suffix != ".lock"] == []


def test_absent_and_offline_is_one_sentence_with_the_way_out():
    sentence = r"'inception-clean' \(of-this-test-alone.pt, 0 MB\) are not here and nothing is "
    with pytest.raises(UsageError, match=sentence + r"fetched offline.*BENCH_FEATURES"):
        require(FILE)
    with pytest.raises(BenchError, match=sentence):
        provided(FILE)


def test_absent_and_online_is_no_error_before_it_is_fetched(monkeypatch):
    monkeypatch.delenv("BENCH_OFFLINE")
    require(FILE)


def test_a_file_is_downloaded_once_and_kept(online, places):
    served, file = online
    (served / file.file).write_bytes(CONTENT)
    assert provided(file).read_bytes() == CONTENT
    (served / file.file).unlink()
    assert provided(file) == places["cache"] / file.file


@pytest.mark.parametrize("sent", [CONTENT[:7], CONTENT + b" and more", None])
def test_half_a_file_or_another_one_is_no_file(online, places, sent):
    served, file = online
    if sent is not None:
        (served / file.file).write_bytes(sent)
    with pytest.raises(BenchError, match="cannot be fetched"):
        provided(file)
    assert [p.name for p in places["cache"].iterdir() if p.suffix != ".lock"] == []


class Harmful:
    def __reduce__(self):
        import os

        return os.system, ("echo harmed",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"weight": Harmful()}, "holds more than tensors"),
        ({"weight": torch.zeros(2)}, "does not hold the network of pytorch-fid"),
    ],
)
def test_a_pickle_of_other_things_is_refused_even_if_its_hash_is_right(
    places, tmp_path, monkeypatch, content, words
):
    file = places["given"] / FILE.file
    if isinstance(content["weight"], Harmful):
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file)
    said = hashlib.sha256(file.read_bytes()).hexdigest()
    pinned = replace(FILE, size=file.stat().st_size, sha256=said)
    monkeypatch.setattr(weights, "INCEPTION_PTH", pinned)
    store = ArtefactStore(tmp_path / "cache")
    ctx = Context(torch.device("cpu"), Streams((0,)), tmp_path, store, {}.get)
    with pytest.raises(BenchError, match=words):
        ctx.get(InceptionWeights(said))
    assert not store.has(InceptionWeights(said))


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "embedded"])
def test_a_network_whose_weights_cannot_be_had_is_refused_before_anything_runs(name, monkeypatch):
    monkeypatch.setattr(weights, "_elsewhere", lambda file: iter(()))
    way_out = r"`?embedded`?.* `<student>@<resolution>`"
    with pytest.raises(UsageError, match=f"weights of '{name}' .* fetched offline.*{way_out}"):
        find_extractor(name, "", "").check()


def test_missing_weights_are_fetched_before_anything_runs_or_the_run_ends(
    online, places, monkeypatch
):
    served, file = online
    monkeypatch.setattr(weights, "INCEPTION_PT", file)
    legacy = find_extractor("inception-clean-legacy", "", "")
    with pytest.raises(BenchError, match=r"of 'inception-clean-legacy' .* cannot be fetched"):
        legacy.check()
    (served / file.file).write_bytes(CONTENT)
    legacy.check()
    assert (places["cache"] / file.file).read_bytes() == CONTENT


def test_a_dry_run_fetches_no_weights_and_refuses_none(online, monkeypatch):
    served, file = online
    (served / file.file).write_bytes(CONTENT)
    monkeypatch.setattr(weights, "INCEPTION_PT", file)
    with network.postponed(True):
        find_extractor("inception-clean", "", "").check()
    assert found(file) is None


def test_resnet18_is_fetched_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("BENCH_OFFLINE")
    path = tmp_path / "model.safetensors"
    path.write_bytes(CONTENT)
    monkeypatch.setattr(imagenet, "SHA256", FILE.sha256)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(path))
    find_extractor("resnet18-imagenet", "", "").check()
    path.write_bytes(b"another file")
    with pytest.raises(BenchError, match="is not the file that 'resnet18-imagenet' needs"):
        find_extractor("resnet18-imagenet", "", "").check()


def unreadable(path):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("place", ["given", "cache"])
def test_a_file_of_ours_that_cannot_be_read_is_named(places, place, monkeypatch):
    path = places[place] / FILE.file
    path.write_bytes(CONTENT)
    monkeypatch.setattr(weights, "sha256_of", unreadable)
    for use in (found, provided, require):
        with pytest.raises(BenchError, match=rf"^{path} cannot be read \(Permission denied\)"):
            use(FILE)


def test_a_folder_of_ours_that_cannot_be_read_is_named(places, monkeypatch):
    monkeypatch.setattr(weights.Path, "is_file", unreadable)
    with pytest.raises(BenchError, match=rf"^{places['given'] / FILE.file} cannot be read"):
        found(FILE)


def test_a_file_of_others_that_cannot_be_read_is_passed_over_and_the_user_told(places, monkeypatch):
    (places["torch"] / FILE.file).write_bytes(CONTENT)
    monkeypatch.setattr(weights, "sha256_of", unreadable)
    told = []
    assert found(FILE, told.append) is None
    assert len(told) == 1
    assert "cannot be read (Permission denied)" in told[0]


@pytest.mark.parametrize(
    "error",
    [
        http.client.BadStatusLine("SSH-2.0"),
        http.client.IncompleteRead(b"half"),
        ssl.SSLError(1, "certificate verify failed"),
        OSError("Tunnel connection failed: 403 Forbidden"),
    ],
)
def test_a_server_or_a_proxy_that_fails_is_not_the_cache_that_fails(online, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("torch.hub.download_url_to_file", fails)
    with pytest.raises(BenchError, match=r"are not here and cannot be fetched \(.*\): put"):
        provided(online[1])


def test_a_full_disk_is_said_to_be_full(online, monkeypatch):
    def fails(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("torch.hub.download_url_to_file", fails)
    with pytest.raises(BenchError, match=r"disk of .* is full"):
        provided(online[1])


def test_weights_that_are_kept_in_our_own_form_need_no_file(bench, own_cache, monkeypatch):
    extractor = find_extractor(INCEPTION, "", "")
    store = ArtefactStore(own_cache)
    folder = store.path(InceptionWeights(extractor.weights))
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(CONTENT)
    monkeypatch.setattr(ArtefactStore, "has", lambda self, artefact: self.path(artefact).is_dir())
    extractor.check()
    assert extractor.located() == extractor.fetched() == folder / "weights.safetensors"
    assert f"  ok  feature network {INCEPTION} is here" in bench("doctor").out.splitlines()


def test_networks_that_need_no_file_are_never_refused():
    find_extractor("embedded", "", "").check()
    find_extractor("convnet1[width=4]@8", "tiny", "a" * 64).check()


def test_an_unknown_network_is_answered_with_the_closest_name():
    with pytest.raises(UsageError, match=r"'inceptoin-clean'\. Did you mean 'inception-clean'"):
        find_extractor("inceptoin-clean", "", "")
    with pytest.raises(UsageError, match="convnet33"):
        find_extractor("convnet33@32", "", "")


def test_the_weights_on_cards_are_those_that_are_opened():
    short = {name: find_extractor(name, "", "").card_weights for name in KNOWN}
    assert short[INCEPTION] == "6726825d0af5f729"
    assert short[CLEAN] == short["inception-clean-legacy"] == "f58cb9b6ec323ed6"
    assert short["resnet18-imagenet"] == imagenet.SHA256[:16]
    card = weights.INCEPTION_PTH
    assert card.file.endswith(f"-{card.sha256[:8]}.pth")  # as its publisher names it


def test_a_trained_network_is_named_by_its_set_and_its_own_fields():
    one, same, other = (
        Extractor("convnet1[width=4]@8", "tiny", revision * 64).weights for revision in "aab"
    )
    assert one.startswith("trained-")
    assert one == same != other


@pytest.mark.parametrize(
    ("name", "resize"),
    [
        (INCEPTION, "stretch299-bilinear-in-network"),
        (CLEAN, "stretch299-bicubic-float"),
        ("inception-clean-legacy", "stretch299-bilinear-in-torchscript"),
        ("resnet18-imagenet", "shorter224-centre224"),
        ("embedded", "shorter32-centre32"),
        ("convnet1@8", "shorter8-centre8"),
    ],
)
def test_cards_say_how_images_are_resized(name, resize):
    assert find_extractor(name, "tiny", "a" * 64).resize == resize


def test_fetch_says_what_is_here_and_the_doctor_lists_it(bench, places, monkeypatch):
    path = places["given"] / weights.INCEPTION_PT.file
    path.write_bytes(CONTENT)
    pinned = replace(weights.INCEPTION_PT, size=len(CONTENT), sha256=FILE.sha256)
    monkeypatch.setattr(weights, "INCEPTION_PT", pinned)
    answer = bench("fetch", "--features", "inception-clean")
    assert answer.status == 0
    assert f"inception-clean is here already: 0 MB in {path}" in answer.out
    lines = bench("doctor").out.splitlines()
    assert "  ok  feature network inception-clean is here" in lines
    assert "note  feature network inception-pytorch-fid is not here" in lines


def test_fetch_refuses_what_it_cannot_fetch(bench):
    answer = bench("fetch", "--features", "convnet3@32")
    assert answer.status == 2
    assert "trained on a set" in answer.err
    answer = bench("fetch", "--features", "inception-pytorch-fid", "--offline")
    assert answer.status == 1
    assert "nothing is fetched offline" in answer.err
    answer = bench("fetch", "--features", "inception-clean-legacy", "--offline")
    assert "The weights of 'inception-clean-legacy'" in answer.err


def test_what_the_hub_says_is_told_in_its_first_sentence(bench, monkeypatch):
    def offline(*_, **__):
        raise OSError("Cannot find the files. To enable downloads, say so. Set it to False.")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    answer = bench("fetch", "--features", "resnet18-imagenet", "--offline")
    assert answer.status == 1
    assert "cannot be loaded (Cannot find the files): connect" in answer.err


def test_resnet18_with_other_content_is_refused(tmp_path, monkeypatch):
    save_file({"x": torch.from_numpy(np.zeros(3))}, tmp_path / "model.safetensors")
    path = str(tmp_path / "model.safetensors")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: path)
    with pytest.raises(BenchError, match="is not the file that 'resnet18-imagenet' needs"):
        find_extractor("resnet18-imagenet", "", "").check()


def test_a_network_that_torch_cannot_open_is_one_sentence(places):
    path = places["given"] / weights.INCEPTION_PT.file
    path.write_bytes(CONTENT)
    with pytest.raises(BenchError, match=rf"torch cannot open the network in {path} \(.*\): "):
        opened(path, False, torch.device("cpu"))
