from __future__ import annotations

import shutil

import pytest

from bench.data import open_real_set, revision
from bench.data.classes import class_list
from bench.data.imagenet import ImageNetView
from bench.errors import UsageError


def _tree(root, classes, train=2, val=50):
    """Files of a few bytes: opening an ImageNet view reads no image."""
    for class_id in classes:
        for split, count in (("train", train), ("val", val)):
            (root / split / class_id).mkdir(parents=True, exist_ok=True)
            for k in range(count):
                (root / split / class_id / f"{k}.JPEG").write_text(f"{class_id} {split} {k}")


@pytest.fixture
def root(tmp_path):
    _tree(tmp_path / "data", class_list("imagewoof"))
    return tmp_path / "data"


def _open(root, name="imagewoof"):
    return open_real_set(name, data_root=root, cache=root.parent / "cache")


def test_labels_follow_the_class_list_and_not_the_folder_names(root):
    real = _open(root)
    assert real.card.classes == class_list("imagewoof")
    for part, count in ((real.train, 2), (real.test, 50)):
        found = [part.images.names[i].split("/")[0] for i in range(len(part))]
        assert found == [class_id for class_id in class_list("imagewoof") for _ in range(count)]
        assert part.labels.tolist() == [k for k in range(10) for _ in range(count)]


def test_the_card_of_a_view(root):
    card = _open(root).card
    assert card.class_names[:2] == ("Australian terrier", "Border terrier")
    assert card.train_split == card.test_split == "ilsvrc2012"
    assert (card.resolution, card.features) == (224, "resnetap10@224")
    assert card.class_sizes == (2,) * 10


@pytest.mark.parametrize("place", ["imagenet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC"])
def test_the_usual_places_below_the_data_root_are_found(root, place):
    outer = root.parent / "outer"
    (outer / place).parent.mkdir(parents=True)
    shutil.move(root, outer / place)
    assert len(open_real_set("imagewoof", data_root=outer, cache=outer / "cache").test) == 500


def test_the_data_root_may_come_from_the_environment(root, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(root))
    real = open_real_set("imagewoof", data_root=None, cache=root.parent / "cache")
    assert len(real.train) == 20


def test_the_argument_goes_before_the_environment(root, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", "/nowhere")
    assert len(_open(root).train) == 20


def test_other_classes_of_the_folder_change_nothing(root):
    before = _open(root).card
    _tree(root, class_list("imagenette"))
    assert _open(root).card == before


def test_a_view_copies_nothing_and_reads_only_its_own_classes(root, monkeypatch):
    _tree(root, class_list("imagenette"))
    read, digest = [], revision._sha256
    monkeypatch.setattr(revision, "_sha256", lambda path: read.append(path) or digest(path))
    real = _open(root)
    assert {path.parent.name for path in read} == set(class_list("imagewoof"))
    assert len(read) == len(real.train) + len(real.test)
    assert (real.train.images.root, real.test.images.root) == (root / "train", root / "val")
    assert [path.name for path in (root.parent / "cache").iterdir()] == ["file-hashes.sqlite"]


def test_a_view_of_what_was_scanned_reads_nothing_again(tmp_path, monkeypatch):
    assert set(class_list("imageidc")) < set(class_list("imagenet100"))
    _tree(tmp_path / "data", class_list("imagenet100"))
    _open(tmp_path / "data", "imagenet100")
    with monkeypatch.context() as watched:
        watched.setattr(revision, "_sha256", lambda path: pytest.fail(f"read {path} again"))
        found = _open(tmp_path / "data", "imageidc").card
    shutil.rmtree(tmp_path / "cache")
    assert _open(tmp_path / "data", "imageidc").card == found


def test_a_sorted_view_has_the_revision_of_the_same_folder_and_an_unsorted_one_has_not(root):
    """Equal revisions promise equal images in equal order."""
    other = root.parent / "nette"
    _tree(other, class_list("imagenette"))
    for name, where, equal in (("imagenette", other, True), ("imagewoof", root, False)):
        from bench.data.folder import list_split

        classes = tuple(sorted(class_list(name)))
        folder = list_split(where / "train", classes).image_set(classes, root.parent / "cache")
        assert (_open(where, name).card.train_revision == folder.revision) == equal


def test_missing_classes_are_named(root):
    for class_id in class_list("imagewoof")[:5]:
        shutil.rmtree(root / "train" / class_id)
    with pytest.raises(UsageError, match=r"n02086240, n02088364, n02093754 and 2 more"):
        _open(root)


def test_a_class_missing_in_val_is_named(root):
    shutil.rmtree(root / "val" / "n02111889")
    with pytest.raises(UsageError, match=r"data/val; these are missing: n02111889\."):
        _open(root)


def test_a_flat_val_folder_is_answered_with_how_to_sort_it(root):
    shutil.rmtree(root / "val")
    (root / "val").mkdir()
    (root / "val" / "ILSVRC2012_val_00000001.JPEG").write_text("image")
    with pytest.raises(UsageError) as caught:
        _open(root)
    assert "val/<WordNet id>/" in str(caught.value)
    assert "ground_truth" in str(caught.value)


def test_a_missing_val_folder_is_named(root):
    shutil.rmtree(root / "val")
    with pytest.raises(UsageError, match="val is not a folder"):
        _open(root)


def test_the_split_of_the_fastai_archives_is_not_taken_for_ilsvrc(root):
    (root / "val" / "n02111889" / "50.JPEG").write_text("one too many")
    with pytest.raises(UsageError, match=r"got 51 in .*n02111889") as caught:
        _open(root)
    assert f"`my-imagewoof=folder:{root}`" in str(caught.value)


def test_tiny_imagenet_is_not_taken_for_ilsvrc(root):
    (root / "wnids.txt").write_text("")
    with pytest.raises(UsageError, match="needs an ILSVRC2012 folder"):
        _open(root)


def test_imagenet1k_opens_with_a_thousand_labels(tmp_path):
    _tree(tmp_path / "data", class_list("imagenet1k"), train=1, val=1)
    view = ImageNetView("imagenet1k", "", test_per_class=1)
    real = view.open("imagenet1k", tmp_path / "data", tmp_path / "cache")
    assert real.train.labels.tolist() == list(range(1000))
    assert real.card.class_names[999] == "toilet tissue"
