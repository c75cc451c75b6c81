from __future__ import annotations

import threading

import pytest
import torch

from bench.streams import Streams
from bench.training import examples, feed, learner
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.recipe import Recipe

CPU = torch.device("cpu")
IMAGES = torch.arange(7 * 3 * 2 * 2, dtype=torch.uint8).reshape(7, 3, 2, 2)
INDICES = (torch.tensor([6, 0, 3]), torch.tensor([1]), torch.tensor([2, 2, 5]), torch.tensor([4]))


@pytest.mark.parametrize("source", [feed.batches, feed.streamed])
def test_every_batch_holds_the_images_of_its_index_in_order(source):
    made = list(source(IMAGES, INDICES, CPU))
    assert len(made) == len(INDICES)
    assert all(torch.equal(m, IMAGES[i]) for m, i in zip(made, INDICES, strict=True))


def test_no_more_batches_are_fetched_than_are_soon_wanted(monkeypatch):
    fetched = []
    monkeypatch.setattr(feed, "_fetched", lambda images, index, device: fetched.append(index))
    source = feed.streamed(IMAGES, [torch.tensor([0])] * 50, CPU)
    next(source)
    next(source)
    source.close()
    assert 2 <= len(fetched) <= 2 + feed.AHEAD + 1


def test_a_training_that_stops_half_way_leaves_no_thread():
    before = threading.active_count()
    source = feed.streamed(IMAGES, INDICES, CPU)
    next(source)
    source.close()
    assert threading.active_count() == before


def test_an_error_of_the_thread_reaches_the_training():
    with pytest.raises(IndexError):
        list(feed.streamed(IMAGES, [torch.tensor([7])], CPU))


def test_a_streamed_training_equals_a_resident_one(monkeypatch):
    def state():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
        examples = Examples(IMAGES, torch.tensor([0, 1, 0, 1, 0, 1, 1]))
        recipe = Recipe(resolution=2, lr=0.1, weight_decay=0.0, epochs=2, batch=3, evaluations=1)
        training = Training(model, examples, recipe, Streams((0, 0)), CPU)
        losses = [training.epoch(0), training.epoch(1)]
        return losses, training.test(examples), model[1].weight

    resident = state()
    monkeypatch.setattr(learner, "batches", feed.streamed)
    streamed = state()
    assert resident[:2] == streamed[:2]
    assert torch.equal(resident[2], streamed[2])


def test_a_mapped_set_is_trained_on_and_tested_by_a_thread_with_the_same_result(monkeypatch):
    threads, fetched = set(), feed._fetched

    def watched(*given):
        threads.add(threading.current_thread())
        return fetched(*given)

    def state(mapped):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
        data = Examples(IMAGES, torch.tensor([0, 1, 0, 1, 0, 1, 1]), mapped=mapped)
        recipe = Recipe(resolution=2, lr=0.1, weight_decay=0.0, epochs=2, batch=3, evaluations=1)
        training = Training(model, data.to(CPU), recipe, Streams((0, 0)), CPU)
        learned = training.epoch(0)
        used = len(threads)
        return learned, used, training.test(data), len(threads), model[1].weight

    monkeypatch.setattr(feed, "_fetched", watched)
    resident, mapped = state(False), state(True)
    assert (resident[1], resident[3]) == (0, 0)
    assert (mapped[1], mapped[3]) == (1, 2)  # one for the epoch, one for the test
    assert threading.main_thread() not in threads
    assert (mapped[0], mapped[2]) == (resident[0], resident[2])
    assert torch.equal(mapped[4], resident[4])


@pytest.mark.parametrize("copied", [False, True])
def test_images_that_were_copied_to_a_device_are_mapped_no_more(copied, monkeypatch):
    monkeypatch.setattr(examples, "placed", lambda images, _: images + 0 if copied else images)
    assert Examples(IMAGES, torch.zeros(7), mapped=True).to(CPU).mapped is not copied


class Card:
    """A GPU with so much free memory, as far as placing looks at it."""

    type = "cuda"

    def __init__(self, free, monkeypatch):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))


@pytest.mark.parametrize(("free", "stays"), [(IMAGES.nbytes, True), (2 * IMAGES.nbytes, False)])
def test_images_go_to_a_gpu_only_if_they_leave_half_of_its_memory(free, stays, monkeypatch):
    class Moved(Exception):
        pass

    class Images:
        device, nbytes = CPU, IMAGES.nbytes

        def to(self, device):
            raise Moved

    images, card = Images(), Card(free, monkeypatch)
    if stays:
        assert feed.placed(images, card) is images
    else:
        with pytest.raises(Moved):
            feed.placed(images, card)
