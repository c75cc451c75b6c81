from __future__ import annotations

import pytest
from made import WORST, texts, words
from msgspec.structs import replace

from bench.records import Described, Record
from reports.material import gather
from reports.words.limits import limits

KEPT = "Embeddings+dataset=nette,features={},train_revision=11112222aa"


def said(*records: Record) -> list[str]:
    return [text for text in texts(limits(gather(records))) if "chose" in text]


def described(method: str, fields) -> Described:
    return Described(method, method, method, {}, fields)


@pytest.fixture
def run(cost, images):
    """Return a distillation and a pass of the same set, by what the method says it used."""

    def made(method="mine", *, fields=None, artefacts=(), networks=("inception", "resnet")):
        of_method = described(method, fields or {})
        kept = {f"key{place}": identity for place, identity in enumerate(artefacts)}
        scored = images(method, networks=networks)
        return (
            replace(cost(method), method=of_method, artefacts=kept),
            # What a pass keeps of the real images says nothing of the method.
            replace(scored, method=of_method, artefacts={"s": KEPT.format(networks[0])}),
        )

    return made


def test_nothing_is_said_of_methods_that_know_no_features(run):
    assert said(*run()) == []


def test_a_method_is_named_with_the_scores_that_compare_the_features_it_kept(run):
    (text,) = said(*run(artefacts=["Other+x=1", KEPT.format("resnet")]))
    assert text == (
        "`mine` chose its images by the features of `resnet`, which embedding l2 compares as "
        "well: this can favour it over methods that did not see these features."
    )
    (both,) = said(*run(artefacts=[KEPT.format("one")], networks=("one", "one")))
    assert "`one`, which FID, embedding l2 and 2 more scores compare as well" in both


def test_features_of_another_network_or_of_a_name_that_only_begins_alike_are_others(run):
    others = ("resnet18", "a[features=resnet]", "res", "resnet@32")
    assert said(*run(artefacts=[KEPT.format(other) for other in others])) == []
    assert said(*run(artefacts=["Pretrained+generator=resnet,features=resnet"])) == []
    student = "convnet3[width=64]@32"
    (text,) = said(*run(artefacts=[KEPT.format(student)], networks=("inception", student)))
    assert f"`{student}`" in text


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"features": "resnet"}, True),
        ({"sampling": {"select": {"encoder": "resnet"}}}, True),
        ({"features": "auto"}, False),
        ({"features": None, "sampling": {"select": None}}, False),
        ({"sampling": {"generator": "resnet"}}, False),
    ],
)
def test_fields_as_they_were_run_say_it_where_no_artefact_does(run, fields, named):
    assert bool(said(*run(fields=fields))) == named


def test_methods_of_one_network_stand_in_one_sentence_and_only_those(run):
    records = [
        one
        for method in ("kmeans", "herding", "random")
        for one in run(method, fields={"features": "resnet"} if method != "random" else {})
    ]
    (text,) = said(*records)
    assert "`kmeans`" in text
    assert "`herding`" in text
    assert " chose their images by the features of `resnet`" in text
    assert "`random`" not in text


def test_accuracies_alone_are_favoured_by_nothing(run, record):
    distilled, _ = run(fields={"features": "resnet"})
    trained = replace(record("mine"), method=distilled.method)
    assert said(distilled, trained) == []


def test_a_set_of_another_name_has_features_of_its_own(run, images):
    """On `y` images are scored by a network that the method did not see."""
    distilled, scored = run(fields={"features": "resnet"})
    other = images("mine", networks=("inception", "inception"))
    blind = described("mine", {"features": "student@32"})
    moved = replace(other.data, name="y", train_revision="y", test_revision="y")
    elsewhere = [replace(one, data=moved, method=blind, key=f"y{one.key}") for one in (other,)]
    assert len(said(distilled, scored, *elsewhere)) == 1
    assert said(*elsewhere) == []


@pytest.mark.parametrize("text", WORST)
def test_names_from_data_are_never_part_of_the_words(run, text):
    found, plainly = (
        limits(gather(run(name, fields={"features": name}, networks=("one", name))))
        for name in (text, "x")
    )
    assert words(found) == words(plainly)
