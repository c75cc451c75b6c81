from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from bench.data import open_real_set
from bench.data.small import CIFAR10_CLASSES, Cifar10
from bench.errors import BenchError, UsageError

RNG = np.random.default_rng(3)
PER_FILE = 20
CIFAR = Cifar10("", records_per_file=PER_FILE)
FILES = (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin")


def _write_cifar(folder):
    """Write the binary version and return {file: (labels [N], images [N, 32, 32, 3])}."""
    folder.mkdir(parents=True)
    content = {}
    for name in FILES:
        labels = RNG.permutation(np.arange(PER_FILE) % 10).astype(np.uint8)
        images = RNG.integers(0, 256, (PER_FILE, 32, 32, 3), dtype=np.uint8)
        with (folder / name).open("wb") as file:
            for label, image in zip(labels, images, strict=True):
                file.write(bytes([label]))
                for channel in range(3):
                    file.write(image[:, :, channel].tobytes())
        content[name] = (labels, images)
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10_CLASSES) + "\n\n")
    return content


def _open(root, source=CIFAR):
    return source.open("cifar10", root, root / "cache")


@pytest.mark.parametrize("place", [".", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"])
def test_cifar10_is_read_from_its_binary_version(tmp_path, place):
    content = _write_cifar(tmp_path / "data" / place)
    real = _open(tmp_path / "data")
    labels = np.concatenate([content[name][0] for name in FILES[:5]])
    images = np.concatenate([content[name][1] for name in FILES[:5]])
    order = sorted(range(len(labels)), key=lambda i: labels[i])
    assert real.train.labels.tolist() == labels[order].tolist()
    assert np.array_equal(real.train.images.pixels, images[order])
    assert len(real.test) == PER_FILE


def test_the_card_of_cifar10(tmp_path):
    _write_cifar(tmp_path / "data")
    card = _open(tmp_path / "data").card
    assert card.classes == card.class_names
    assert card.classes == tuple(
        "airplane automobile bird cat deer dog frog horse ship truck".split()
    )
    assert (card.resolution, card.features) == (32, "convnet3[width=64]@32")
    assert card.class_sizes == (10,) * 10
    assert card.train_split == "cifar10"


def test_the_revision_of_cifar10_follows_its_content(tmp_path):
    _write_cifar(tmp_path / "data")
    before = _open(tmp_path / "data").card
    content = bytearray((tmp_path / "data" / "data_batch_3.bin").read_bytes())
    content[5] ^= 1
    (tmp_path / "data" / "data_batch_3.bin").write_bytes(content)
    after = _open(tmp_path / "data").card
    assert before.train_revision != after.train_revision
    assert before.test_revision == after.test_revision


def test_pickles_are_never_read(tmp_path):
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(UsageError, match=r"cifar-10-binary\.tar\.gz"):
        open_real_set("cifar10", data_root=tmp_path / "data", cache=tmp_path / "cache")


def test_pickles_beside_the_binary_version_do_no_harm(tmp_path):
    (tmp_path / "data" / "cifar-10-batches-py").mkdir(parents=True)
    _write_cifar(tmp_path / "data" / "cifar-10-batches-bin")
    assert len(_open(tmp_path / "data").train) == 100


def _short(path):
    path.write_bytes(path.read_bytes()[:-1])


def _label_eleven(path):
    path.write_bytes(b"\x0b" + path.read_bytes()[1:])


def _gone(path):
    path.unlink()


@pytest.mark.parametrize("damage", [_short, _label_eleven, _gone])
def test_a_damaged_cifar10_file_is_named(damage, tmp_path):
    _write_cifar(tmp_path / "data")
    damage(tmp_path / "data" / "data_batch_2.bin")
    with pytest.raises(BenchError, match=r"data_batch_2\.bin"):
        _open(tmp_path / "data")


def test_another_class_order_is_refused(tmp_path):
    _write_cifar(tmp_path / "data")
    (tmp_path / "data" / "batches.meta.txt").write_text("\n".join(reversed(CIFAR10_CLASSES)))
    with pytest.raises(BenchError, match="not CIFAR-10"):
        _open(tmp_path / "data")


def _write_cifar_folders(root, classes=CIFAR10_CLASSES):
    for number, class_id in enumerate(classes):
        for split, count in (("train", 2), ("test", 1)):
            (root / split / class_id).mkdir(parents=True)
            for k in range(count):
                image = Image.new("RGB", (32, 32), (number, k, 0))
                image.save(root / split / class_id / f"{k}.png")


def test_cifar10_is_read_from_folders_by_name(tmp_path):
    _write_cifar_folders(tmp_path / "data" / "cifar10")
    real = open_real_set("cifar10", data_root=tmp_path / "data", cache=tmp_path / "cache")
    assert real.train.labels.tolist() == [k for k in range(10) for _ in range(2)]
    assert real.test.images.decode(7)[0, 0].tolist() == [7, 0, 0]
    assert real.card.resolution == 32


def test_cifar10_folders_by_other_names_are_refused(tmp_path):
    _write_cifar_folders(tmp_path / "data", (*CIFAR10_CLASSES[:9], "lorry"))
    with pytest.raises(UsageError, match="must hold exactly the folders airplane"):
        open_real_set("cifar10", data_root=tmp_path / "data", cache=tmp_path / "cache")


TINY_CLASSES = ("n02124075", "n01443537", "n04067472")


@pytest.fixture
def tiny(tmp_path):
    root = tmp_path / "data" / "tiny-imagenet-200"
    for number, class_id in enumerate(TINY_CLASSES):
        folder = root / "train" / class_id / "images"
        folder.mkdir(parents=True)
        (root / "train" / class_id / f"{class_id}_boxes.txt").write_text("0 0 1 1")
        for k in range(3):
            Image.new("RGB", (64, 64), (number, k, 0)).save(folder / f"{class_id}_{k}.JPEG")
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for k in range(12):
        Image.new("RGB", (64, 64), (k, 0, 0)).save(root / "val" / "images" / f"val_{k}.JPEG")
        lines.append(f"val_{k}.JPEG\t{TINY_CLASSES[k % 3]}\t0\t32\t44\t62")
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (root / "wnids.txt").write_text("\n".join(TINY_CLASSES) + "\n")
    return root


@pytest.mark.parametrize("inside", [True, False])
def test_tiny_imagenet_is_read_in_sorted_class_order(tiny, inside):
    where = tiny if inside else tiny.parent
    real = open_real_set("tiny-imagenet", data_root=where, cache=tiny.parent / "cache")
    assert real.card.classes == ("n01443537", "n02124075", "n04067472")
    assert real.card.class_names == ("goldfish", "Egyptian cat", "reel")
    assert (real.card.resolution, real.card.class_sizes) == (64, (3, 3, 3))
    assert real.train.images.names[0] == "n01443537/images/n01443537_0.JPEG"
    assert real.train.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_tiny_imagenets_test_labels_come_from_its_annotations(tiny):
    real = open_real_set("tiny-imagenet", data_root=tiny, cache=tiny.parent / "cache")
    assert real.test.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    # n01443537 is every third image from val_1 on; names sort as strings.
    assert [name.split("/")[1] for name in real.test.images.names[:4]] == [
        "val_1.JPEG",
        "val_10.JPEG",
        "val_4.JPEG",
        "val_7.JPEG",
    ]


def test_tiny_imagenet_without_annotations_is_told(tiny):
    (tiny / "val" / "val_annotations.txt").unlink()
    with pytest.raises(UsageError, match=r"val_annotations\.txt is missing"):
        open_real_set("tiny-imagenet", data_root=tiny, cache=tiny.parent / "cache")


@pytest.mark.parametrize("line", ["val_0.JPEG\tn99999999\t0", "val_0.JPEG"])
def test_tiny_imagenet_with_unknown_classes_is_told(tiny, line):
    (tiny / "val" / "val_annotations.txt").write_text(line + "\n")
    with pytest.raises(BenchError, match=r"val_annotations\.txt must give every image a class"):
        open_real_set("tiny-imagenet", data_root=tiny, cache=tiny.parent / "cache")


def test_tiny_imagenet_without_a_class_folder_is_told(tiny):
    shutil.rmtree(tiny / "train" / "n02124075")
    with pytest.raises(BenchError, match="n02124075"):
        open_real_set("tiny-imagenet", data_root=tiny, cache=tiny.parent / "cache")
