"""A class map: sets whose classes the generator knows by other ids."""

import re

import pytest

from bench import specs
from bench.errors import UsageError
from bench.sampling import Sampling
from bench.sampling.batches import jobs_of
from bench.sets import DatasetCard

TENCH, SPRINGER = "n01440764", "n02102040"


def _card(classes, name="pets"):
    return DatasetCard(
        name=name,
        classes=classes,
        class_names=tuple(f"a {class_id}" for class_id in classes),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(6,) * len(classes),
        resolution=224,
        features="resnetap10@224",
    )


def test_the_map_reads_pairs_and_the_others_keep_their_own_id():
    text = {"class_map": f"(fish:{TENCH},dog:{SPRINGER})"}
    sampling = specs.override(Sampling(), text, "dit")
    assert sampling.mapping() == {"fish": TENCH, "dog": SPRINGER}
    resolved = sampling.resolve(_card(("dog", "fish", "n02979186")))
    assert resolved.generator == "dit-xl-2-256"
    jobs = jobs_of(_card(("dog", "fish", "n02979186")), 1, class_map=resolved.mapping())
    assert [job.shown for job in jobs] == [SPRINGER, TENCH, "n02979186"]
    assert [job.class_id for job in jobs] == ["dog", "fish", "n02979186"]


def test_the_map_is_part_of_the_identity():
    mapped = Sampling(class_map=(f"fish:{TENCH}",))
    assert specs.identity("s", mapped) == f"s+class_map=(fish:{TENCH})"


def test_a_generator_of_prompts_takes_words_for_a_class():
    sampling = Sampling("sd-v1-5", class_map=("fish:a photo of a tench",))
    sampling = sampling.resolve(_card(("dog", "fish")))
    jobs = jobs_of(_card(("dog", "fish")), 1, class_map=sampling.mapping())
    assert [job.prompt for job in jobs] == ["a dog", "a photo of a tench"]


@pytest.mark.parametrize(
    ("class_map", "words"),
    [
        (("cat",), "`class_map` must hold `class:generator class` pairs, got 'cat'."),
        ((":n01",), "`class_map` must hold `class:generator class` pairs, got ':n01'."),
        (("cat:",), "`class_map` must hold `class:generator class` pairs, got 'cat:'."),
        (("cat:n01", "cat:n02"), "`class_map` must name every class once, got 'cat' again."),
    ],
)
def test_a_map_that_says_nothing_is_refused_in_one_sentence(class_map, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        Sampling(class_map=class_map)


def test_a_class_that_the_set_does_not_have_is_named_with_those_it_has():
    with pytest.raises(
        UsageError,
        match=r"`class_map` names 'cta', which is no class of 'pets': its classes are 'cat', 'dog'",
    ):
        Sampling(class_map=(f"cta:{TENCH}",)).resolve(_card(("cat", "dog")))


def test_of_many_classes_ten_are_named():
    classes = tuple(f"c{number:03d}" for number in range(1000))
    with pytest.raises(UsageError, match="'c009' and 990 more"):
        Sampling(class_map=("x:n01",)).resolve(_card(classes))


def test_a_class_that_the_generator_does_not_know_is_named_as_the_map_has_it():
    sampling = Sampling("dit-xl-2-256", class_map=(f"cat:{TENCH}", "dog:n0"))
    with pytest.raises(UsageError, match=r"does not know 1 of the 2 .*'n0'.*`class_map`"):
        sampling.resolve(_card(("cat", "dog")))
