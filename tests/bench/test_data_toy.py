from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from torch import nn

from bench.data import open_real_set


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return open_real_set("toy", data_root=None, cache=tmp_path_factory.mktemp("cache"))


def test_it_has_ten_classes_of_a_hundred_and_fifty_images(toy):
    assert toy.card.class_sizes == (100,) * 10
    assert np.bincount(toy.test.labels).tolist() == [50] * 10
    assert toy.train.images.pixels.shape == (1000, 32, 32, 3)
    assert toy.train.images.pixels.dtype == np.uint8
    assert toy.card.resolution == 32


def test_another_process_draws_the_same_set(toy, tmp_path):
    code = (
        "import pathlib; from bench.data import open_real_set; "
        f"c = open_real_set('toy', data_root=None, cache=pathlib.Path({str(tmp_path)!r})).card; "
        "print(c.train_revision, c.test_revision)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [toy.card.train_revision, toy.card.test_revision]
    assert list(tmp_path.iterdir()) == []


def test_no_image_comes_twice(toy):
    pixels = np.concatenate([toy.train.images.pixels, toy.test.images.pixels])
    assert len({image.tobytes() for image in pixels}) == 1500


def test_it_cannot_be_changed_by_those_who_read_it(toy):
    with pytest.raises(ValueError, match="read-only"):
        toy.train.images.pixels[0] = 0


def _mean_colours(part):
    return part.images.pixels.reshape(len(part), -1, 3).mean(1)


def test_colour_alone_does_not_tell_the_class(toy):
    judge = QuadraticDiscriminantAnalysis().fit(_mean_colours(toy.train), toy.train.labels)
    assert judge.score(_mean_colours(toy.test), toy.test.labels) < 0.25


def _tensor(part):
    return torch.from_numpy(part.images.pixels.transpose(0, 3, 1, 2).copy()).float() / 128 - 1


def test_a_small_network_learns_it(toy):
    torch.manual_seed(0)
    widths = (3, 16, 32, 64)
    blocks = [
        layer
        for before, after in itertools.pairwise(widths)
        for layer in (
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
    ]
    student = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(64 * 16, 10))
    optimizer = torch.optim.Adam(student.parameters(), 2e-3)
    images, labels = _tensor(toy.train), torch.from_numpy(toy.train.labels)
    for _ in range(12):
        for batch in torch.randperm(1000).split(50):
            loss = nn.functional.cross_entropy(student(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        predicted = student.eval()(_tensor(toy.test)).argmax(1).numpy()
    assert (predicted == toy.test.labels).mean() > 0.6
