import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.distilled_folder import save_distilled
from bench.errors import BenchError, UsageError
from bench.images import ArrayImages
from bench.manifest import MANIFEST
from bench.sets import DistilledSet
from methods.folder import Folder

CLASS_IDS = ("n00", "n01", "n02")


def write(root, names, ipc=2):
    """Write `ipc` images per folder; a pixel of image k of folder number i is (i, k, 0)."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for rank in range(ipc):
            Image.new("RGB", (4, 4), (number, rank, 0)).save(root / name / f"{rank}.png")


def pixels(distilled):
    return [tuple(distilled.images.decode(i)[0, 0, :2].tolist()) for i in range(len(distilled))]


@pytest.mark.parametrize(
    "names",
    [
        CLASS_IDS,
        ("tench", "English springer", "cassette player"),
        ("tench", "english_springer", "Cassette_Player"),
        ("00000", "00001", "00002"),
        ("000", "001", "002"),
        ("0", "1", "2"),
    ],
)
def test_folders_are_recognised_by_class_id_name_or_label(names, tmp_path, tiny_real, make_context):
    write(tmp_path, names)
    distilled = Folder(str(tmp_path)).distill(tiny_real, 2, make_context())
    assert pixels(distilled) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert distilled.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert distilled.labels.dtype == np.int64
    assert distilled.classes == CLASS_IDS


def test_plain_labels_are_numbers_and_not_the_order_of_strings(tmp_path, make_real, make_context):
    real = make_real((1,) * 12)
    card = replace(real.card, class_names=tuple(f"name {label}" for label in range(12)))
    write(tmp_path, [str(label) for label in range(12)], ipc=1)
    distilled = Folder(str(tmp_path)).distill(replace(real, card=card), 1, make_context())
    assert pixels(distilled) == [(label, 0) for label in range(12)]


def test_two_schemes_with_the_same_labels_are_no_ambiguity(tmp_path, tiny_real, make_context):
    real = replace(tiny_real, card=replace(tiny_real.card, classes=("0", "1", "2")))
    write(tmp_path, ("0", "1", "2"))
    distilled = Folder(str(tmp_path)).distill(real, 2, make_context())
    assert [first for first, _ in pixels(distilled)] == [0, 0, 1, 1, 2, 2]


def test_two_schemes_with_different_labels_are_refused(tmp_path, tiny_real, make_context):
    real = replace(tiny_real, card=replace(tiny_real.card, classes=("2", "0", "1")))
    write(tmp_path, ("0", "1", "2"))
    with pytest.raises(UsageError, match=r"class ids or as .*labels of 'tiny', with different"):
        Folder(str(tmp_path)).distill(real, 2, make_context())


def test_names_that_two_classes_share_identify_neither(tmp_path, tiny_real, make_context):
    card = replace(tiny_real.card, class_names=("crane", "crane", "drake"))
    write(tmp_path, ("crane", "drake", "other"))
    with pytest.raises(UsageError, match="named by class id"):
        Folder(str(tmp_path)).distill(replace(tiny_real, card=card), 2, make_context())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("n00", "n01"), r"read as class ids, class n02 has no folder: "),
        (("n00", "n01", "n02", "n77"), r"read as class ids, folder n77 is no class: "),
        (("n00", "n01", "n03"), r"class n02 has no folder and folder n03 is no class"),
        (("n00", "1", "2"), r"class n00 has no folder and folder n00 is no class"),
        (("00000", "1", "2"), r"class n00 has no folder and folder 00000 is no class"),
        (("x", "y", "z"), r"'tiny', named by class id \('n00', \.\.\.\).*, got x, y, z: rename"),
        ((), r"'tiny', named by .*; it has no folders"),
    ],
)
def test_missing_extra_or_mixed_folders_are_refused_by_name(
    names, message, tmp_path, tiny_real, make_context
):
    write(tmp_path, names)
    with pytest.raises(UsageError, match=message):
        Folder(str(tmp_path)).distill(tiny_real, 2, make_context())


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("text")])
def test_a_path_that_is_no_folder_is_refused(make, tmp_path, tiny_real, make_context):
    make(tmp_path / "out")
    with pytest.raises(UsageError, match=r"Expected a folder of images, .*/out', which"):
        Folder(str(tmp_path / "out")).distill(tiny_real, 2, make_context())


@pytest.mark.parametrize("ipc", [1, 3])
def test_classes_of_another_size_than_the_ipc_are_refused(ipc, tmp_path, tiny_real, make_context):
    write(tmp_path, CLASS_IDS, ipc=2)
    with pytest.raises(UsageError, match=rf"should have {ipc} images?, but 'n00' has 2"):
        Folder(str(tmp_path)).distill(tiny_real, ipc, make_context())


def test_a_single_class_with_too_few_images_is_named(tmp_path, tiny_real, make_context):
    write(tmp_path, CLASS_IDS, ipc=2)
    (tmp_path / "n01" / "1.png").unlink()
    for take in ("exact", "first"):
        with pytest.raises(UsageError, match=r"should have 2 images, but 'n01' has 1"):
            Folder(str(tmp_path), take=take).distill(tiny_real, 2, make_context())


def test_take_first_takes_the_first_in_the_order_of_names_as_strings(
    tmp_path, tiny_real, make_context
):
    write(tmp_path, CLASS_IDS, ipc=12)
    distilled = Folder(str(tmp_path), take="first").distill(tiny_real, 4, make_context())
    assert pixels(distilled) == [(label, rank) for label in range(3) for rank in (0, 1, 10, 11)]


def test_without_an_ipc_all_images_are_taken_if_every_class_has_as_many(
    tmp_path, tiny_real, make_context
):
    write(tmp_path, CLASS_IDS, ipc=4)
    method = Folder(str(tmp_path))
    assert method.count(tiny_real.card) == 4
    assert len(method.distill(tiny_real, None, make_context())) == 12
    (tmp_path / "n02" / "3.png").unlink()
    with pytest.raises(UsageError, match=r"should have 4 images, but 'n02' has 3"):
        method.count(tiny_real.card)


def test_an_empty_class_folder_is_refused(tmp_path, tiny_real):
    write(tmp_path, CLASS_IDS, ipc=0)
    with pytest.raises(UsageError, match=r"should have 1 image, but 'n00' has 0"):
        Folder(str(tmp_path)).count(tiny_real.card)


def test_placeholders_are_filled_in(tmp_path, tiny_real, make_context):
    write(tmp_path / "tiny-2" / "run5", CLASS_IDS)
    method = Folder(str(tmp_path / "{dataset}-{ipc}" / "run{seed}"))
    assert len(method.distill(tiny_real, 2, make_context(seed=5))) == 6
    with pytest.raises(UsageError, match=r"run6', which does not exist"):
        method.distill(tiny_real, 2, make_context(seed=6))


@pytest.mark.parametrize(("pattern", "stochastic"), [("a/{seed}", True), ("a/{ipc}", False)])
def test_only_a_pattern_with_the_seed_is_read_once_per_seed(pattern, stochastic):
    assert Folder(pattern).stochastic is stochastic


def test_unknown_placeholders_and_a_missing_ipc_are_refused(tiny_real):
    with pytest.raises(UsageError, match=r"\{dataset\}, \{ipc\} and \{seed\}, got \{run\} in"):
        Folder("out/{run}").resolve(tiny_real.card, 1)
    with pytest.raises(UsageError, match=r"asks for an IPC, but none was given"):
        Folder("out/{ipc}").resolve(tiny_real.card, None)
    with pytest.raises(UsageError, match=r"`folder:` needs the path of a folder"):
        Folder("").resolve(tiny_real.card, 1)
    with pytest.raises(UsageError, match=r"at least 1, got 0"):
        Folder("out").resolve(tiny_real.card, 0)


def test_hidden_files_and_files_that_are_no_images_do_not_count(tmp_path, tiny_real, make_context):
    write(tmp_path, CLASS_IDS)
    (tmp_path / "readme.txt").write_text("text")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "n00" / "latents.npy").write_bytes(b"0")
    (tmp_path / "n00" / ".0.png").write_bytes(b"0")
    assert len(Folder(str(tmp_path)).distill(tiny_real, 2, make_context())) == 6


def test_images_outside_class_folders_and_deeper_folders_are_refused(
    tmp_path, tiny_real, make_context
):
    write(tmp_path / "stray", CLASS_IDS)
    write(tmp_path / "deep", CLASS_IDS)
    Image.new("RGB", (4, 4)).save(tmp_path / "stray" / "7.png")
    (tmp_path / "deep" / "n01" / "more").mkdir()
    with pytest.raises(UsageError, match=r"7\.png lies in no class folder"):
        Folder(str(tmp_path / "stray")).distill(tiny_real, 2, make_context())
    with pytest.raises(UsageError, match=r"more is a folder"):
        Folder(str(tmp_path / "deep")).distill(tiny_real, 2, make_context())


def test_the_revision_of_the_inputs_follows_the_used_files_and_not_the_place(tmp_path, tiny_real):
    card = tiny_real.card
    for name in ("one", "two"):
        write(tmp_path / name, CLASS_IDS, ipc=2)
    one, two = Folder(str(tmp_path / "one")), Folder(str(tmp_path / "two"), take="first")
    same = one.inputs_revision(card, 2, 0)
    assert two.inputs_revision(card, 2, 0) == same

    Image.new("RGB", (4, 4)).save(tmp_path / "two" / "n00" / "9.png")
    assert two.inputs_revision(card, 2, 0) == same
    Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "two" / "n00" / "0.png")
    assert two.inputs_revision(card, 2, 0) != same

    (tmp_path / "one" / "n01" / "1.png").rename(tmp_path / "one" / "n01" / "8.png")
    assert one.inputs_revision(card, 2, 0) != same


def test_the_path_is_no_part_of_the_methods_identity():
    from bench.specs import identity

    assert identity("ours", Folder("/somewhere")) == "ours"
    assert identity("ours", Folder("/somewhere", take="first")) == "ours+take=first"


@pytest.fixture
def ours(tmp_path):
    """Return a function that saves a set of ours with three images per class."""

    def save(classes=CLASS_IDS, **fields):
        values = np.array([[label, rank, 0] for label in range(3) for rank in range(3)], np.uint8)
        images = ArrayImages(np.broadcast_to(values[:, None, None], (9, 4, 4, 3)).copy())
        distilled = DistilledSet(images, np.repeat(np.arange(3), 3), classes, **fields)
        save_distilled(distilled, tmp_path / "ours", {"train_revision": "f" * 64})
        return tmp_path / "ours"

    return save


def test_a_set_of_ours_comes_back_with_weights_soft_labels_and_mosaic(
    ours, tiny_real, make_context
):
    soft = np.random.default_rng(0).random((9, 3), dtype=np.float32)
    weights = np.linspace(0.5, 1.5, 9, dtype=np.float32)
    root = ours(soft=soft, weights=weights, mosaic=2)
    distilled = Folder(str(root)).distill(tiny_real, 3, make_context())
    assert pixels(distilled) == [(label, rank) for label in range(3) for rank in range(3)]
    assert np.array_equal(distilled.soft, soft)
    assert np.array_equal(distilled.weights, weights)
    assert distilled.mosaic == 2


def test_take_first_of_a_set_of_ours_keeps_each_images_soft_label(ours, tiny_real, make_context):
    soft = np.random.default_rng(0).random((9, 3), dtype=np.float32)
    root = ours(soft=soft)
    distilled = Folder(str(root), take="first").distill(tiny_real, 2, make_context())
    assert pixels(distilled) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert np.array_equal(distilled.soft, soft[[0, 1, 3, 4, 6, 7]])


def test_a_part_of_a_weighted_set_is_refused(ours, tiny_real, make_context):
    root = ours(weights=np.ones(9, np.float32))
    with pytest.raises(UsageError, match="images have weights"):
        Folder(str(root), take="first").distill(tiny_real, 2, make_context())


def test_a_tampered_set_of_ours_is_refused_by_the_plan_and_by_the_work(
    ours, tiny_real, make_context
):
    root = ours()
    Image.new("RGB", (4, 4), (9, 9, 9)).save(root / "n01" / "001.png")
    with pytest.raises(BenchError, match=r"n01/001\.png differs from what manifest\.json says"):
        Folder(str(root)).inputs_revision(tiny_real.card, 3, 0)
    with pytest.raises(BenchError, match=r"n01/001\.png differs from what manifest\.json says"):
        Folder(str(root)).distill(tiny_real, 3, make_context())


def test_an_image_that_the_manifest_does_not_list_is_refused(ours, tiny_real, make_context):
    root = ours()
    Image.new("RGB", (4, 4)).save(root / "n01" / "003.png")
    with pytest.raises(UsageError, match=r"n01/003\.png is not listed in manifest\.json"):
        Folder(str(root), take="first").distill(tiny_real, 3, make_context())


def test_a_set_of_ours_for_other_classes_is_refused(ours, tiny_real, make_context):
    root = ours(classes=CLASS_IDS[::-1])
    with pytest.raises(UsageError, match=r"label 0 is 'n02' there and 'n00' here"):
        Folder(str(root)).distill(tiny_real, 3, make_context())


def test_a_whole_set_of_ours_holds_no_images(ours, tiny_real, make_context):
    root = ours(whole=True)
    with pytest.raises(UsageError, match=r"stands for a whole training set .*`full`"):
        Folder(str(root)).distill(tiny_real, 3, make_context())


def test_a_foreign_manifest_is_refused_and_not_guessed_at(tmp_path, tiny_real, make_context):
    write(tmp_path, CLASS_IDS)
    (tmp_path / MANIFEST).write_text(json.dumps({"images": []}))
    with pytest.raises(BenchError, match=r"manifest\.json is not a readable manifest"):
        Folder(str(tmp_path)).distill(tiny_real, 2, make_context())
