from __future__ import annotations

import pytest

from bench.data.classes import class_list, class_words

# Places in the sorted 1000 ids of ILSVRC2012, as published beside each list.
INDICES = {
    "imagenette": (0, 217, 482, 491, 497, 566, 569, 571, 574, 701),
    "imagewoof": (193, 182, 258, 162, 155, 167, 159, 273, 207, 229),
    "imageidc": (452, 64, 374, 236, 993, 176, 882, 904, 503, 74),
}
# Known members of the A to E subsets: their first and last class.
ENDS = {
    "imagenet-a": ("leonberg", "flamingo"),
    "imagenet-b": ("spoonbill", "hotdog"),
}
SUBSETS = tuple(f"imagenet-{letter}" for letter in "abcde")


def test_imagenet1k_is_a_thousand_sorted_ids():
    ids = class_list("imagenet1k")
    assert len(ids) == 1000
    assert list(ids) == sorted(set(ids))
    assert (ids[0], ids[-1]) == ("n01440764", "n15075141")


@pytest.mark.parametrize("name", INDICES)
def test_a_list_is_in_its_published_order(name):
    ids = class_list("imagenet1k")
    assert class_list(name) == tuple(ids[k] for k in INDICES[name])


@pytest.mark.parametrize(
    ("name", "count"), [("imagenet100", 100), *((subset, 10) for subset in SUBSETS)]
)
def test_a_list_holds_distinct_classes_of_ilsvrc(name, count):
    ids = class_list(name)
    assert len(ids) == len(set(ids)) == count
    assert set(ids) <= set(class_list("imagenet1k"))


def test_the_subsets_a_to_e_share_no_class():
    assert len({class_id for subset in SUBSETS for class_id in class_list(subset)}) == 50


def test_imageidc_is_the_beginning_of_imagenet100():
    assert class_list("imageidc") == class_list("imagenet100")[:10]


def test_imagenette_is_sorted_and_imagewoof_is_not():
    assert list(class_list("imagenette")) == sorted(class_list("imagenette"))
    assert list(class_list("imagewoof")) != sorted(class_list("imagewoof"))


def test_words_are_the_first_lemma_and_other_names_stay():
    assert class_words(("n01440764", "n02105641", "red panda")) == (
        "tench",
        "Old English sheepdog",
        "red panda",
    )
