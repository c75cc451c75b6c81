from dataclasses import replace

import pytest
from PIL import Image

from bench.data.folder import open_folder
from bench.sets import ImageSet, RealSet
from methods.first import First
from methods.full import Full
from methods.random_subset import RandomSubset


@pytest.mark.parametrize("seed", range(5))
def test_random_at_a_small_ipc_is_a_prefix_of_random_at_a_larger_one(
    seed, tiny_real, make_context, chosen_from
):
    small, large = (
        chosen_from(RandomSubset().distill(tiny_real, ipc, make_context(seed))) for ipc in (2, 5)
    )
    for label in range(3):
        assert small[2 * label : 2 * label + 2] == large[5 * label : 5 * label + 2]


def test_random_can_choose_any_image(tiny_real, make_context, chosen_from):
    drawn = set()
    for seed in range(100):
        drawn |= set(chosen_from(RandomSubset().distill(tiny_real, 1, make_context(seed))))
    assert drawn == set(range(18))


def test_random_draws_the_same_of_a_class_whatever_its_label_is(
    tiny_real, make_context, chosen_from
):
    turned = ImageSet(tiny_real.train.images, 2 - tiny_real.train.labels, "turned")
    card = replace(tiny_real.card, classes=tiny_real.card.classes[::-1])
    real = RealSet(card, turned, tiny_real.test)

    straight = chosen_from(RandomSubset().distill(tiny_real, 3, make_context()))
    reversed_ = chosen_from(RandomSubset().distill(real, 3, make_context()))

    assert reversed_ == straight[6:] + straight[3:6] + straight[:3]


def test_first_takes_files_in_the_order_of_their_names_as_strings(tmp_path, make_context):
    for split in ("train", "val"):
        for class_id in ("a", "b"):
            (tmp_path / split / class_id).mkdir(parents=True)
            for number in range(12):
                image = Image.new("RGB", (40, 40), (number, 0, 0))
                image.save(tmp_path / split / class_id / f"{number}.png")
    real = open_folder("numbered", tmp_path, tmp_path / "cache")

    distilled = First().distill(real, 4, make_context())

    files = [distilled.images.whole.names[index] for index in distilled.images.indices]
    expected = ["0.png", "1.png", "10.png", "11.png"]
    assert files == [f"{c}/{name}" for c in ("a", "b") for name in expected]


def test_full_is_the_training_set_itself_whatever_the_ipc(make_real, make_context):
    real = make_real((6, 2, 4))
    for ipc in (None, 1, 100):
        distilled = Full().resolve(real.card, ipc).distill(real, ipc, make_context())
        assert distilled.whole
        assert distilled.images is real.train.images
        assert distilled.labels is real.train.labels
