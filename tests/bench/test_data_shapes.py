from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from bench.data.shapes import CLASSES, Shapes, render
from bench.data.shapes.canvas import FINE, Frame, coverage
from bench.data.shapes.draws import NUMBERS, Draws
from bench.data.shapes.faces import FACES
from bench.data.shapes.faces import SETTING as WITH_FACES
from bench.data.shapes.forms import bar, box, disc, ellipse, polygon, ring, without
from bench.data.shapes.objects import OBJECTS
from bench.data.shapes.objects import SETTING as WITH_OBJECTS
from bench.data.shapes.scene import draw_scene
from bench.data.shapes.sheet import main, sheet
from bench.errors import BenchError, UsageError

NAMES = tuple(CLASSES)
EVERY_CLASS = [(name, label) for name in NAMES for label in range(10)]
PLANS = [
    pytest.param(plans, setting, id=class_id)
    for kinds, setting in ((OBJECTS, WITH_OBJECTS), (FACES, WITH_FACES))
    for class_id, plans in kinds.items()
]


@pytest.fixture(scope="module")
def reals(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return {name: Shapes("").open(name, None, cache) for name in NAMES}


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr("bench.data.shapes.SPLITS", {"train": 3, "test": 2})


@pytest.mark.parametrize("name", NAMES)
def test_ten_classes_have_500_training_and_100_test_images_each(name, reals):
    real = reals[name]
    assert real.card.classes == CLASSES[name]
    assert real.card.class_sizes == (500,) * 10
    assert np.bincount(real.test.labels).tolist() == [100] * 10
    assert real.train.images.pixels.shape == (5000, 32, 32, 3)
    assert real.train.images.pixels.dtype == np.uint8
    assert real.card.resolution == 32


def test_every_class_has_its_body_plans():
    assert tuple(OBJECTS) == CLASSES["shapenette"]
    assert tuple(FACES) == CLASSES["shapewoof"]
    assert all(len(plans) >= 2 for plans in (*OBJECTS.values(), *FACES.values()))


def test_no_two_parts_of_the_sets_have_one_revision(reals):
    parts = [part for real in reals.values() for part in (real.train, real.test)]
    assert len({part.revision for part in parts}) == 4


@pytest.mark.parametrize("name", NAMES)
def test_no_image_comes_twice_in_training_and_test_together(name, reals):
    real = reals[name]
    pixels = np.concatenate([real.train.images.pixels, real.test.images.pixels])
    assert len({image.tobytes() for image in pixels}) == 6000


@pytest.mark.parametrize("name", NAMES)
def test_the_set_cannot_be_changed_by_those_who_read_it(name, reals):
    with pytest.raises(ValueError, match="read-only"):
        reals[name].train.images.pixels[0] = 0


@pytest.mark.parametrize(("name", "label"), EVERY_CLASS)
def test_an_image_is_the_same_whatever_is_rendered_with_it(name, label, reals):
    of_class = reals[name].train.images.pixels[label * 500 : (label + 1) * 500]
    assert np.array_equal(render(name, "train", label, 490, 14)[:10], of_class[490:])
    assert np.array_equal(render(name, "train", label, 7, 1), of_class[7:8])


def test_no_images_are_an_empty_array():
    assert render("shapewoof", "test", 0, 5, 0).shape == (0, 32, 32, 3)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_with_any_number_of_threads_draws_the_same_pixels(threads):
    code = (
        "import hashlib, torch; from bench.data.shapes import render; "
        f"torch.set_num_threads({threads}); "
        "whole = hashlib.sha256(); "
        "[whole.update(render(n, 'train', k, 0, 40).tobytes()) "
        "for n in ('shapenette', 'shapewoof') for k in (0, 9)]; print(whole.hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": threads},
    )
    here = hashlib.sha256()
    for name, label in itertools.product(NAMES, (0, 9)):
        here.update(render(name, "train", label, 0, 40).tobytes())
    assert done.stdout.strip() == here.hexdigest()


def test_a_kept_set_is_read_again_without_drawing(few, tmp_path, monkeypatch):
    first = Shapes("").open("shapenette", None, tmp_path)
    monkeypatch.setattr("bench.data.shapes.rendered.drawn", None)
    second = Shapes("").open("shapenette", None, tmp_path)
    assert second.card == first.card
    assert np.array_equal(second.test.images.pixels, first.test.images.pixels)


def test_splits_of_other_sizes_are_kept_apart(few, tmp_path, monkeypatch):
    three = Shapes("").open("shapewoof", None, tmp_path)
    monkeypatch.setattr("bench.data.shapes.SPLITS", {"train": 5, "test": 2})
    five = Shapes("").open("shapewoof", None, tmp_path)
    assert len(five.train) == 50
    grown = five.train.images.pixels.reshape(10, 5, 32, 32, 3)[:, :3]
    assert np.array_equal(grown.reshape(30, 32, 32, 3), three.train.images.pixels)


def _cut(content):
    return content[: len(content) // 2]


def _one_pixel_changed(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [_cut, _one_pixel_changed, lambda _: b"", lambda _: b"no array"])
def test_a_damaged_file_in_the_cache_is_drawn_again(few, tmp_path, damage):
    sound = Shapes("").open("shapenette", None, tmp_path)
    files = {path: path.read_bytes() for path in (tmp_path / "rendered").glob("*.npy")}
    for path, content in files.items():
        path.write_bytes(damage(content))
    again = Shapes("").open("shapenette", None, tmp_path)
    assert again.card == sound.card
    assert np.array_equal(again.train.images.pixels, sound.train.images.pixels)
    assert {path: path.read_bytes() for path in (tmp_path / "rendered").glob("*.npy")} == files


def test_a_cache_that_cannot_be_written_is_said_plainly(few, tmp_path):
    (tmp_path / "rendered").write_text("in the way")
    with pytest.raises(BenchError, match="another cache folder"):
        Shapes("").open("shapenette", None, tmp_path)


def test_a_wrong_request_says_what_was_expected():
    with pytest.raises(UsageError, match="Did you mean 'shapewoof'"):
        render("shapewolf", "train", 0, 0, 1)
    with pytest.raises(ValueError, match="'train' or 'test', got 'val'"):
        render("shapewoof", "val", 0, 0, 1)
    with pytest.raises(ValueError, match="`class_index` must lie in"):
        render("shapewoof", "train", 10, 0, 1)
    with pytest.raises(ValueError, match="at least 0, got -1 and 2"):
        render("shapewoof", "train", 0, -1, 2)


def _moments(pixels):
    flat = pixels.reshape(len(pixels), -1, 3) / 255.0
    return np.hstack([flat.mean(1), flat.std(1)])


def _histograms(pixels):
    """Return the share of every image in each of 4 x 4 x 4 colours."""
    bins = (pixels // 64).reshape(len(pixels), -1, 3).astype(np.int64) @ np.array([16, 4, 1])
    return np.stack([np.bincount(image, minlength=64) / image.size for image in bins])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colours", [_moments, _histograms])
@pytest.mark.parametrize("judge", [LogisticRegression(max_iter=500), NearestCentroid()])
def test_colour_alone_does_not_tell_the_class(name, colours, judge, reals):
    real = reals[name]
    judge = make_pipeline(StandardScaler(), judge)
    judge.fit(colours(real.train.images.pixels), real.train.labels)
    assert judge.score(colours(real.test.images.pixels), real.test.labels) < 0.35


@pytest.mark.parametrize("name", NAMES)
def test_one_class_is_nearly_as_varied_as_the_whole_set(name, reals):
    small = reals[name].train.images.pixels.reshape(10, 500, 16, 2, 16, 2, 3)[:, :60].mean((3, 5))
    flat = torch.from_numpy(small.reshape(10, 60, -1))
    within = np.mean([nn.functional.pdist(images).mean().item() for images in flat])
    assert within > 0.9 * nn.functional.pdist(flat.flatten(0, 1)).mean().item()


@pytest.mark.parametrize(("plans", "setting"), PLANS)
def test_body_plans_of_a_class_differ_when_all_else_is_equal(plans, setting):
    table = np.random.default_rng(0).random((12, NUMBERS))
    drawn = [draw_scene(Draws(table), plan, setting).astype(float) for plan in plans]
    for one, other in itertools.combinations(drawn, 2):
        assert np.abs(one - other).max(axis=(1, 2, 3)).min() > 25


def _learned(real, per_class, epochs):
    """Return the share of test images that a small network gets right."""
    torch.manual_seed(0)
    blocks = [
        layer
        for before, after in itertools.pairwise((3, 16, 32, 64))
        for layer in (
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
    ]
    student = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(64 * 16, 10))
    optimizer = torch.optim.Adam(student.parameters(), 2e-3)
    chosen = np.flatnonzero(np.arange(5000) % 500 < per_class)
    labels = torch.from_numpy(real.train.labels[chosen])
    images = _tensor(real.train.images.pixels[chosen])
    for _ in range(epochs):
        for batch in torch.randperm(len(chosen)).split(50):
            loss = nn.functional.cross_entropy(student(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        predicted = student.eval()(_tensor(real.test.images.pixels)).argmax(1).numpy()
    return (predicted == real.test.labels).mean()


def _tensor(pixels):
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()).float() / 128 - 1


@pytest.mark.parametrize("name", NAMES)
def test_a_small_network_that_sees_forms_learns_it(name, reals):
    assert _learned(reals[name], 100, 5) > 0.55


PARAMETER = np.array([0.5, 0.8])


@pytest.mark.parametrize(
    ("form", "area"),
    [
        (lambda f, r: disc(f, 0.1, 0.0, r), lambda r: np.pi * r * r),
        (lambda f, r: ellipse(f, 0.0, 0.1, r, 0.3), lambda r: np.pi * r * 0.3),
        (lambda f, r: box(f, 0.0, 0.0, r, 0.4), lambda r: 1.6 * r),
        (lambda f, r: box(f, 0.0, 0.0, r, 0.4, 0.2), lambda r: 1.6 * r - (4 - np.pi) * 0.04),
        (lambda f, r: bar(f, -r, 0.0, 0.0, r, 0.1), lambda r: 0.2 * np.sqrt(2) * r + np.pi * 0.01),
        (lambda f, r: ring(f, 0.0, 0.0, r, 0.1), lambda r: np.pi * 0.4 * r),
        (lambda f, r: polygon(f, (-r, 0.5), (0.0, -0.5), (r, 0.5)), lambda r: r),
        (lambda f, r: polygon(f, (r, 0.5), (0.0, -0.5), (-r, 0.5)), lambda r: r),
        (
            lambda f, r: without(disc(f, 0.0, 0.0, r), disc(f, 0.0, 0.0, 0.3)),
            lambda r: np.pi * (r * r - 0.09),
        ),
    ],
)
def test_a_form_covers_its_area(form, area):
    frame = Frame.whole(2).placed(0.05, -0.1, 0.9, 0.3)
    covered = coverage(form(frame, PARAMETER), frame.unit).sum((1, 2)).numpy()
    assert covered * (2 / FINE / 0.9) ** 2 == pytest.approx(area(PARAMETER), rel=0.02)


def test_a_frame_knows_where_its_origin_is():
    frame = Frame.whole(1).placed(0.3, -0.2, 0.5, 0.7).at(0.4, 0.0, -0.2).stretched(1.2, 0.8)
    turned = np.array([0.3 + 0.5 * 0.4 * np.cos(0.7), -0.2 + 0.5 * 0.4 * np.sin(0.7)])
    assert np.stack(frame.origin)[:, 0] == pytest.approx(turned)


def test_the_sheet_shows_the_first_training_images(tmp_path):
    page = sheet("shapewoof", each=2, times=1)
    first = render("shapewoof", "train", 0, 0, 1)[0]
    assert np.abs(page[:32, -68:-36].astype(int) - first).max() <= 3
    main([str(tmp_path / "sheet.png")])
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.width > picture.height
    assert (tmp_path / "sheet.png").stat().st_size <= 300_000
