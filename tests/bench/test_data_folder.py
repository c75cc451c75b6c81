from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from bench.data import open_real_set
from bench.errors import BenchError, UsageError

FILES = ("0.png", "1.png", "10.png", "11.png", "2.JPEG")


def _image(path, size=(20, 24), colour=(1, 2, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def root(tmp_path):
    for number, class_id in enumerate(("zebra", "apple", "Mango")):
        for k, name in enumerate(FILES):
            _image(tmp_path / "set" / "train" / class_id / name, colour=(number, k, 0))
        _image(tmp_path / "set" / "val" / class_id / "v.png", colour=(number, 0, 255))
    return tmp_path / "set"


def _open(root, name="mine"):
    return open_real_set(f"{name}=folder:{root}", data_root=None, cache=root.parent / "cache")


def test_files_and_labels_come_as_torchvisions_image_folder_gives_them(root):
    _image(root / "train" / "apple" / "deeper" / "a.png")
    _image(root / "train" / "apple" / "deeper" / "B.PNG")
    for place in ("deeper/still", "deeper-still", "deeper still/a.b"):
        _image(root / "train" / "apple" / place / "0.png")
    real = _open(root)
    for part, split in ((real.train, "train"), (real.test, "val")):
        theirs = ImageFolder(str(root / split))
        assert [str(part.images.path(i)) for i in range(len(part))] == [p for p, _ in theirs.imgs]
        assert part.labels.tolist() == theirs.targets
    assert list(real.card.classes) == ImageFolder(str(root / "train")).classes


def test_the_card_says_what_the_folder_holds(root):
    card = _open(root).card
    assert card.name == "mine"
    assert card.classes == card.class_names == ("Mango", "apple", "zebra")
    assert (card.train_split, card.test_split) == ("folder", "folder:val")
    assert card.class_sizes == (5, 5, 5)
    assert card.train_revision != card.test_revision


def test_labels_are_int64_and_images_decode(root):
    real = _open(root)
    assert real.train.labels.dtype == np.int64
    assert real.train.images.decode(0)[0, 0].tolist() == [2, 0, 0]
    assert real.train.images.original(0) == ((root / "train/Mango/0.png").read_bytes(), ".png")


def test_wordnet_ids_get_their_words(root):
    for split in ("train", "val"):
        (root / split / "zebra").rename(root / split / "n02391049")
    assert _open(root).card.class_names == ("Mango", "apple", "zebra")


@pytest.mark.parametrize("test_folder", ["validation", "test"])
def test_the_test_folder_may_have_other_names(root, test_folder):
    (root / "val").rename(root / test_folder)
    assert _open(root).card.test_split == f"folder:{test_folder}"


def test_hidden_files_and_other_suffixes_are_ignored(root):
    before = _open(root).card
    (root / "train" / "apple" / ".0.png").write_bytes(b"")
    (root / "train" / "apple" / "boxes.txt").write_text("none")
    (root / "train" / "apple" / "png").write_text("none")
    (root / "train" / ".ipynb_checkpoints").mkdir()
    (root / "train" / "apple" / ".thumbs").mkdir()
    (root / "train" / "apple" / ".thumbs" / "0.png").write_bytes(b"")
    (root / "train" / "readme.md").write_text("none")
    assert _open(root).card == before


def test_links_to_files_and_class_folders_are_followed(root, tmp_path):
    before = _open(root).card
    linked = tmp_path / "linked"
    for split in ("train", "val"):
        (linked / split).mkdir(parents=True)
        (linked / split / "Mango").mkdir()
        for file in (root / split / "Mango").iterdir():
            (linked / split / "Mango" / file.name).symlink_to(file)
        for class_id in ("apple", "zebra"):
            (linked / split / class_id).symlink_to(root / split / class_id)
    assert _open(linked).card == before


def test_the_name_and_place_leave_the_revision_alone(root, tmp_path):
    before = _open(root).card
    shutil.copytree(root, tmp_path / "copy")
    after = _open(tmp_path / "copy", "other").card
    assert (after.train_revision, after.test_revision) == (
        before.train_revision,
        before.test_revision,
    )


def test_opening_decodes_no_image(root, monkeypatch):
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("decoded"))
    assert len(_open(root).train) == 15


@pytest.mark.parametrize(
    ("size", "resolution", "features"),
    [
        ((500, 375), 224, "resnetap10@224"),
        ((200, 201), 224, "resnetap10@224"),
        ((199, 300), 192, "convnet3[width=64]@32"),
        ((64, 64), 64, "convnet3[width=64]@32"),
        ((47, 90), 32, "convnet3[width=64]@32"),
        ((10, 12), 32, "convnet3[width=64]@32"),
    ],
)
def test_the_resolution_follows_the_shorter_side(size, resolution, features, tmp_path):
    for split in ("train", "val"):
        for k in range(3):
            _image(tmp_path / "set" / split / "a" / f"{k}.png", size)
    card = _open(tmp_path / "set").card
    assert (card.resolution, card.features) == (resolution, features)


def test_the_resolution_is_that_of_the_median_image(tmp_path):
    for k, side in enumerate((16, 16, 96, 300, 400)):
        _image(tmp_path / "set" / "train" / "a" / f"{k}.png", (side, 500))
    _image(tmp_path / "set" / "val" / "a" / "0.png")
    assert _open(tmp_path / "set").card.resolution == 96


def _no_train(root):
    shutil.rmtree(root / "train")


def _no_test(root):
    shutil.rmtree(root / "val")


def _two_tests(root):
    shutil.copytree(root / "val", root / "test")


def _nothing(root):
    shutil.rmtree(root)
    root.mkdir()


def _no_folder(root):
    shutil.rmtree(root)


def _file(root):
    shutil.rmtree(root)
    root.write_text("not a folder")


def _no_classes(root):
    shutil.rmtree(root / "train")
    _image(root / "train" / "0.png")


def _empty_class(root):
    for split in ("train", "val"):
        (root / split / "plum").mkdir()


def _class_missing_in_test(root):
    shutil.rmtree(root / "val" / "apple")


def _many_extra_in_test(root):
    for name in "vwxyz":
        _image(root / "val" / f"extra-{name}" / "0.png")


WRONG = {
    _no_train: "`train/` and exactly one of `val/`, `validation/` and `test/`; it holds val.",
    _no_test: "it holds train.",
    _two_tests: "it holds test, train, val.",
    _nothing: "it holds no folders.",
    _no_folder: "is not a folder",
    _file: "is not a folder",
    _no_classes: "train holds no class folders",
    _empty_class: "plum holds no images",
    _class_missing_in_test: "val lacks apple.",
    _many_extra_in_test: "train lacks extra-v, extra-w, extra-x and 2 more.",
}


@pytest.mark.parametrize("damage", WRONG, ids=lambda damage: damage.__name__)
def test_a_wrong_layout_is_one_sentence_that_says_what_was_found(damage, root):
    damage(root)
    with pytest.raises(UsageError) as caught:
        _open(root)
    assert WRONG[damage] in str(caught.value)
    assert str(root) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_a_bad_file_is_named_when_the_set_is_opened(content, root):
    (root / "train" / "apple" / "10.png").write_bytes(content)
    with pytest.raises(BenchError, match=r"train/apple/10\.png is"):
        _open(root)


def test_a_folder_that_may_not_be_read_is_named_and_not_left_out(root, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("train/apple/deeper"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    (root / "train" / "apple" / "deeper").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(BenchError, match=r"'mine' cannot be opened: .*Permission denied.*deeper"):
        _open(root)
