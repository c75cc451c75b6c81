from __future__ import annotations

import tracemalloc
import weakref

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.streams import Streams
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.recipe import Recipe
from bench.training.sight import draw_sight
from bench.training.targets import FromStore

CPU = torch.device("cpu")
STREAMS = Streams((0, 0))
SIDE, CLASSES = 32, 1000
RECIPE = Recipe(resolution=SIDE, lr=0.01, weight_decay=0.0, epochs=1, batch=50, evaluations=1)
FEW, MANY = 100, 1500


class Held(TorchDispatchMode):
    """Adds up the bytes of what is held by tensors that are made while it is on."""

    def __init__(self):
        super().__init__()
        self.sizes, self.most = {}, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        old = {tensor.untyped_storage()._cdata for tensor in tensors((args, kwargs))}
        for tensor in tensors(made):
            storage = tensor.untyped_storage()
            if storage._cdata not in old and storage._cdata not in self.sizes:
                self.sizes[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self.sizes.pop, storage._cdata)
        self.most = max(self.most, sum(self.sizes.values()))
        return made


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


class Mapped:
    """Labels in a file, of which nothing is read but what is asked for."""

    entry = "artefacts/Mapped-0"

    def __init__(self, path, num):
        self.path, self.num = path, num
        np.save(path, np.zeros((num, CLASSES), np.float16))

    def logits(self, epoch):
        return np.load(self.path, mmap_mode="r")

    def digest(self, epoch):
        return draw_sight(RECIPE, torch.full((self.num, 2), SIDE), STREAMS, epoch).digest()


def most_bytes(folder, num):
    """Return the most memory that an epoch and a test of so many mapped images hold."""
    pixels = np.memmap(folder / f"{num}.bin", np.uint8, "w+", shape=(num, 3, SIDE, SIDE))
    data = Examples(torch.from_numpy(pixels), torch.arange(num) % CLASSES, mapped=True)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES)
    )
    targets = FromStore(Mapped(folder / f"{num}.npy", num), 4.0, False)
    training = Training(model, data, RECIPE, STREAMS, CPU, targets=targets)
    tracemalloc.start()
    try:
        with Held() as held:
            training.epoch(0)
            training.test(data)
        return held.most + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_held_does_not_grow_by_images_nor_by_classes(tmp_path):
    most_bytes(tmp_path, FEW)  # what is imported at first use is counted as well
    few, many = most_bytes(tmp_path, FEW), most_bytes(tmp_path, MANY)
    # The draws of an epoch may. An image would be 3,072 bytes, its logits 2,000 or 4,000.
    assert many - few < 1000 * (MANY - FEW)


def test_what_is_counted_is_what_is_held():
    with Held() as held:
        kept = torch.ones(1000)
        del kept
        kept = torch.ones(500).reshape(10, 50)[3:] + 1
    assert held.most == 4000
    assert list(held.sizes.values()) == [4 * kept.numel()]
