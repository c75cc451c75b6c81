import hashlib
import io
import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bench import distilled_folder, manifest
from bench.distilled_folder import distilled_revision, load_distilled, save_distilled
from bench.errors import BenchError
from bench.files import DiskFullError
from bench.images import ArrayImages, Chosen, FileImages
from bench.manifest import MANIFEST
from bench.sets import DistilledSet

CLASSES = ("n02", "n01")
FACTS = {"method": "random", "dataset": "tiny", "train_revision": "f" * 64, "ipc": 2, "seed": 0}


def real_of(classes=CLASSES, train_revision="f" * 64):
    card = SimpleNamespace(name="tiny", classes=classes, train_revision=train_revision)
    return SimpleNamespace(card=card, train=SimpleNamespace(images="images", labels="labels"))


def arrays(count=4):
    pixels = np.random.default_rng(0).integers(256, size=(count, 9, 7, 3), dtype=np.uint8)
    return DistilledSet(ArrayImages(pixels), np.repeat([0, 1], count // 2), CLASSES)


def photographs(folder):
    """Return two JPEG files and a PNG, as a set with the given bytes."""
    folder.mkdir()
    pixels = arrays().images.pixels
    for index, name in enumerate(("x.JPEG", "y.jpg", "z.png")):
        Image.fromarray(pixels[index]).save(folder / name)
    return DistilledSet(
        Chosen(FileImages(folder, ("z.png", "x.JPEG", "y.jpg")), (1, 0, 2)),
        np.array([0, 1, 1]),
        CLASSES,
    )


def test_original_files_are_kept_bit_for_bit_under_their_rank_in_the_class(tmp_path):
    save_distilled(photographs(tmp_path / "real"), tmp_path / "set", FACTS)
    for kept, original in (
        ("n02/000.JPEG", "x.JPEG"),
        ("n01/000.png", "z.png"),
        ("n01/001.jpg", "y.jpg"),
    ):
        copied, given = (tmp_path / "set" / kept), (tmp_path / "real" / original)
        assert copied.read_bytes() == given.read_bytes()


def test_arrays_come_back_without_loss_and_in_order(tmp_path):
    distilled = arrays()
    save_distilled(distilled, tmp_path / "set", FACTS)
    loaded = load_distilled(tmp_path / "set", real_of())
    for index in range(4):
        assert (loaded.images.decode(index) == distilled.images.decode(index)).all()
        assert loaded.images.names[index].endswith(".png")
    assert loaded.labels.tolist() == [0, 0, 1, 1]
    assert loaded.labels.dtype == np.int64
    assert loaded.classes == CLASSES
    assert not loaded.whole


def test_weights_soft_labels_and_mosaic_come_back(tmp_path):
    rng = np.random.default_rng(1)
    soft = rng.random((4, 2), dtype=np.float32)
    weights = rng.random(4, dtype=np.float32)
    distilled = replace(arrays(), weights=weights, soft=soft, mosaic=3)
    save_distilled(distilled, tmp_path / "set", FACTS)
    loaded = load_distilled(tmp_path / "set", real_of())
    assert np.array_equal(loaded.weights, weights)
    assert np.array_equal(loaded.soft, soft)
    assert loaded.mosaic == 3


def test_ranks_of_a_thousand_images_and_more_sort_as_strings(tmp_path):
    pixels = np.zeros((1002, 1, 1, 3), np.uint8)
    distilled = DistilledSet(ArrayImages(pixels), np.repeat([0, 1], [1001, 1]), CLASSES)
    save_distilled(distilled, tmp_path / "set", {})
    names = [file.path for file in manifest.read_manifest(tmp_path / "set").files]
    assert names == [*(f"n02/{rank:04d}.png" for rank in range(1001)), "n01/0000.png"]


def test_the_manifest_lists_the_sha256_and_size_of_every_file(tmp_path):
    save_distilled(arrays(), tmp_path / "set", FACTS)
    listed = json.loads((tmp_path / "set" / MANIFEST).read_bytes())
    assert listed["classes"] == list(CLASSES)
    assert listed["facts"] == FACTS
    assert len(listed["files"]) == 4
    for file in listed["files"]:
        content = (tmp_path / "set" / file["path"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["bytes"] == len(content)


def test_equal_sets_have_equal_bytes_and_revisions_wherever_they_lie(tmp_path):
    first, second = (
        save_distilled(arrays(), tmp_path / name, FACTS) for name in ("one", "other/place")
    )
    assert first == second == distilled_revision(tmp_path / "one")
    manifests = [(tmp_path / name / MANIFEST).read_bytes() for name in ("one", "other/place")]
    assert manifests[0] == manifests[1]


def test_the_revision_follows_all_that_students_see_and_nothing_else(tmp_path):
    distilled = arrays()
    other_pixels = distilled.images.pixels.copy()
    other_pixels[3, 0, 0, 0] ^= 1
    variants = [
        distilled,
        replace(distilled, images=ArrayImages(other_pixels)),
        replace(distilled, labels=np.array([0, 1, 1, 1])),
        replace(distilled, mosaic=2),
        replace(distilled, soft=np.full((4, 2), 0.5, np.float32)),
        replace(distilled, classes=("n01", "n02")),
    ]
    revisions = [
        save_distilled(variant, tmp_path / str(number), FACTS)
        for number, variant in enumerate(variants)
    ]
    assert len(set(revisions)) == len(variants)
    assert save_distilled(distilled, tmp_path / "elsewhere", {"seed": 5}) == revisions[0]


def test_a_whole_set_copies_nothing_and_is_the_training_set(tmp_path):
    whole = replace(arrays(), whole=True)
    revision = save_distilled(whole, tmp_path / "set", FACTS)
    loaded = load_distilled(tmp_path / "set", real_of())
    assert revision == distilled_revision(tmp_path / "set") == "f" * 64
    assert [path.name for path in (tmp_path / "set").iterdir()] == [MANIFEST]
    assert (loaded.images, loaded.labels, loaded.whole) == ("images", "labels", True)


def test_a_whole_set_of_another_training_set_is_refused(tmp_path):
    save_distilled(replace(arrays(), whole=True), tmp_path / "set", FACTS)
    with pytest.raises(BenchError, match=r"whole training set of revision ffff.*'tiny' is eeee"):
        load_distilled(tmp_path / "set", real_of(train_revision="e" * 64))


@pytest.mark.parametrize("filled", [True, False])
def test_a_folder_that_exists_is_never_overwritten(filled, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    if filled:
        (folder / "mine.txt").write_text("mine")
    with pytest.raises(BenchError, match=r"set exists, .* never overwritten"):
        save_distilled(arrays(), folder, FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert [path.name for path in folder.iterdir()] == (["mine.txt"] if filled else [])


def test_a_folder_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    write_set = distilled_folder._write_set

    def slow(distilled, partial, facts):
        written = write_set(distilled, partial, facts)
        (tmp_path / "set").mkdir()
        return written

    monkeypatch.setattr(distilled_folder, "_write_set", slow)
    with pytest.raises(BenchError, match="never overwritten"):
        save_distilled(arrays(), tmp_path / "set", FACTS)
    assert list((tmp_path / "set").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


class Broken:
    """Images of which the third cannot be had."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 4

    def decode(self, index):
        if index == 2:
            raise self.error
        return np.zeros((2, 2, 3), np.uint8)

    def original(self, index):
        return None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BenchError("unreadable")])
def test_a_failure_half_way_leaves_nothing(error, tmp_path):
    with pytest.raises(type(error)):
        save_distilled(replace(arrays(), images=Broken(error)), tmp_path / "set", FACTS)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    full = replace(arrays(), images=Broken(OSError(28, "No space left on device")))
    with pytest.raises(DiskFullError, match=r"disk of .* is full"):
        save_distilled(full, tmp_path / "set", FACTS)
    assert list(tmp_path.iterdir()) == []


def test_a_process_killed_while_it_writes_leaves_no_set_under_the_name(tmp_path):
    script = """
import os, sys
from pathlib import Path
import numpy as np
from bench.images import ArrayImages
from bench.distilled_folder import save_distilled
from bench.sets import DistilledSet

class Deadly(ArrayImages):
    def decode(self, index):
        if index == 2:
            os._exit(9)
        return super().decode(index)

images = Deadly(np.zeros((4, 2, 2, 3), np.uint8))
save_distilled(DistilledSet(images, np.array([0, 0, 1, 1]), ("a", "b")), Path(sys.argv[1]), {})
"""
    folder = tmp_path / "set"
    killed = subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert killed.returncode == 9
    assert not folder.exists()
    save_distilled(arrays(), folder, FACTS)
    assert len(load_distilled(folder, real_of())) == 4


@pytest.mark.parametrize("class_id", ["", ".", "..", "a/b", "a\\b", "../up", ".hidden", MANIFEST])
def test_a_class_id_that_cannot_name_a_folder_is_refused(class_id, tmp_path):
    with pytest.raises(BenchError, match="cannot name a folder"):
        save_distilled(replace(arrays(), classes=("n01", class_id)), tmp_path / "set", FACTS)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def saved(tmp_path):
    soft = np.full((4, 2), 0.5, np.float32)
    save_distilled(replace(arrays(), soft=soft), tmp_path / "set", FACTS)
    return tmp_path / "set"


@pytest.mark.parametrize("name", ["n01/001.png", "soft.npy"])
def test_an_altered_file_is_named(name, saved):
    content = bytearray((saved / name).read_bytes())
    content[-1] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(BenchError, match=rf"{name} differs from what manifest\.json says"):
        load_distilled(saved, real_of())


def test_a_missing_file_is_named(saved):
    (saved / "n02" / "000.png").unlink()
    with pytest.raises(BenchError, match=r"n02/000\.png is listed in manifest\.json but cannot"):
        load_distilled(saved, real_of())


def test_a_folder_without_manifest_is_no_distilled_set(tmp_path):
    with pytest.raises(BenchError, match=r"it has no manifest\.json"):
        load_distilled(tmp_path, real_of())


def test_other_classes_or_another_order_of_them_are_refused(saved):
    with pytest.raises(BenchError, match=r"'n02', 'n01' as its classes, but 'tiny' has 'n01', 'n"):
        load_distilled(saved, real_of(classes=CLASSES[::-1]))


def edit(folder, **changes):
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_manifest_of_a_newer_schema_is_refused_even_if_its_form_is_unknown(saved):
    edit(saved, version=99, files="elsewhere")
    with pytest.raises(BenchError, match=r"schema version 99, .* up to 1: update"):
        load_distilled(saved, real_of())


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1}', b"[]", b"\xff\xfe"])
def test_a_broken_manifest_is_one_sentence(content, saved):
    (saved / MANIFEST).write_bytes(content)
    with pytest.raises(BenchError, match=r"manifest\.json is not a readable manifest"):
        load_distilled(saved, real_of())


@pytest.mark.parametrize("path", ["../../secret.png", "/etc/hosts", "..\\secret.png"])
def test_a_manifest_cannot_lead_out_of_its_folder(path, saved):
    listed = json.loads((saved / MANIFEST).read_text())["files"]
    listed[0]["path"] = path
    edit(saved, files=listed)
    with pytest.raises(BenchError, match="leads out of the folder"):
        load_distilled(saved, real_of())


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_without_a_class_is_refused(label, saved):
    listed = json.loads((saved / MANIFEST).read_text())["files"]
    listed[3]["label"] = label
    edit(saved, files=listed)
    with pytest.raises(BenchError, match="a label lies outside 0 to 1"):
        load_distilled(saved, real_of())


def test_an_array_of_the_wrong_shape_is_refused(saved):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((4, 3), np.float32))
    (saved / "soft.npy").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    size = len(buffer.getvalue())
    edit(saved, arrays={"soft": {"path": "soft.npy", "sha256": digest, "bytes": size}})
    with pytest.raises(
        BenchError, match=r"soft\.npy should hold float32 numbers of shape \(4, 2\)"
    ):
        load_distilled(saved, real_of())
