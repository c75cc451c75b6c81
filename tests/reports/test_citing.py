from __future__ import annotations

import re
from dataclasses import replace as changed

import pytest
from hostile import hostile, texts
from hypothesis import given, settings
from msgspec.structs import replace
from pybtex.database import parse_string

from bench.records import Described
from leaderboards.figures.evidence import Evidence
from reports.citations import citing
from reports.citations.comments import comment
from reports.material import gather
from reports.words import protocol_words
from reports.words.sentences import text_of


def described(name: str, identity: str = "", fields=None, **more) -> Described:
    return Described(name, more.pop("label", name), identity or name, {}, fields or {}, **more)


def keys(*records) -> set[str]:
    return set(citing.cited(Evidence.of(records)).keys)


def unknown(*records) -> tuple[str, ...]:
    return citing.cited(Evidence.of(records)).unknown


def with_method(record, method: Described):
    return replace(record("random"), method=method)


def test_methods_bring_their_parts_generator_and_sampler(record):
    identity = "dit@2+sampling[generator=embedded,select=s3[alpha=0.5],weights=im[decay=0.998]]"
    fields = {"sampling": {"generator": "dit-xl-2-256", "scheduler": "ddim"}}
    found = keys(with_method(record, described("ims3", identity, fields)))
    assert {"wang2026ims3", "xie2023difffit", "peebles2023dit", "song2021ddim"} <= found
    tuned = described("igd/minimax", "igd+sampling[weights=minimax[decay=0.998]]", fields)
    assert {"chen2025igd", "gu2024minimax", "xie2023difffit"} <= keys(with_method(record, tuned))


def test_methods_bring_the_networks_by_whose_features_they_choose(record):
    chosen = described("kmeans", "kmeans", {"features": "resnet18-imagenet"})
    assert {"cui2022dcbench", "he2016resnet"} <= keys(with_method(record, chosen))
    select = {"sampling": {"generator": "dit-xl-2-256", "select": {"encoder": "resnet18@64"}}}
    assert "he2016resnet" in keys(with_method(record, described("s3", "dit@2", select)))
    for unheard in ("embedded", "auto", None, 3):
        fields = {"features": unheard, "sampling": {"select": None}}
        own = with_method(record, described("kmeans", "kmeans", fields))
        assert "he2016resnet" not in keys(own)
        assert not any("extractor" in one for one in unknown(own))


def test_a_method_under_another_name_is_cited_by_what_it_is(record):
    renamed = described("mgd3", "igd+influence=3.0", label="ours")
    found = keys(with_method(record, replace(renamed, name="ours")))
    assert "chen2025igd" in found
    assert "chansantiago2025mgd3" not in found


def test_plugins_have_no_known_source_whatever_they_are_called(record):
    plugin = described("mgd3", "mgd3", origin="pkg 1.2")
    only = with_method(record, plugin)
    assert "method mgd3 (from pkg 1.2)" in unknown(only)
    assert "chansantiago2025mgd3" not in keys(only)
    assert "% No source is known of method mgd3 (from pkg 1.2).\n" in citing.bibtex(
        citing.cited(Evidence.of([only]))
    )


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        ("imagenette2-160", "fastai-v2-160", {"howard2019imagenette", "russakovsky2015imagenet"}),
        ("imagenet-a", "ilsvrc2012", {"cazenavette2023glad", "russakovsky2015imagenet"}),
        ("shapenette", "drawn", set()),
        ("imagenette", "folder", set()),
    ],
)
def test_sets_are_cited_by_name_unless_they_are_folders(record, name, split, expected):
    first = record("random")
    data = replace(first.data, name=name, train_split=split)
    by = citing.cited(Evidence.of([replace(first, data=data)])).by
    assert set(by.get(f"dataset {name}", ())) == expected
    assert any(name in one for one in unknown(replace(first, data=data))) == (split == "folder")


def test_scores_and_the_networks_behind_them_are_cited(images):
    found = keys(images("random", networks=("inception-clean", "resnet18-imagenet")))
    assert {"heusel2017fid", "parmar2022cleanfid", "he2016resnet", "naeem2020prdc"} <= found


def test_the_story_cites_what_it_names_and_nothing_else(told):
    cited = citing.cited(told.material.evidence)
    assert cited.unknown == ()
    assert set(cited.by["protocol hard/minimax"]) == {"gu2024minimax", "kim2022idc"}
    assert "method random" not in cited.by
    assert cited.keys == tuple(sorted({key for keys in cited.by.values() for key in keys}))
    found = parse_string(citing.bibtex(cited), "bibtex").entries
    assert list(found) == [*cited.keys, "distillationbench"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("gu2024minimax", "Gu et al., 2024"),
        ("peebles2023dit", "Peebles and Xie, 2023"),
        ("welling2009herding", "Welling, 2009"),
        ("roy2026manifoldgd", "Roy et al., 2026"),
        ("binkowski2018demystifying", "Bińkowski et al., 2018"),
        ("kynkaanniemi2019precision", "Kynkäänniemi et al., 2019"),
    ],
)
def test_papers_are_named_by_authors_and_year(key, expected):
    assert citing.author_year(key) == expected


def test_comments_hold_no_at_sign_and_say_revision_for_it():
    assert comment("igd@2 and convnet3@x") == "% igd revision 2 and convnet3 at x\n"
    lines = comment("word " * 100).splitlines()
    assert all(line.startswith("% word") and len(line) <= 100 for line in lines)


def test_the_paragraph_says_how_students_were_trained(told):
    text = " ".join(text_of(one) for one in protocol_words.paragraphs(told.material))
    for words in (
        "`hard/minimax` (Gu et al., 2024; Kim et al., 2022)",
        "SGD with momentum, learning rate 0.01, weight decay 0.0005",
        "batches of 64 images, 60 epochs, images of 32 pixels per side",
        "departs from the published setting in `epochs=60`",
        "On all training images they had 9 epochs.",
        "labels are the answers of `embedded 62d9b826` at temperature 20, asked anew",
        "FID (Heusel et al., 2017)",
        "features of `embedded`",
        "Distilled sets have 1 or 10 images per class.",
        "made 3 sets for each data set and size (seeds 0, 1 and 2).",
        "Each such set taught 1 student per protocol and architecture.",
        "Distillation Bench `0.1.0`, commit `c0ffee12`",
    ):
        assert words in text, words


def test_every_field_that_differs_is_mentioned(record):
    label = "hard/minimax+epochs_scale=0.03,evaluations=3"
    first = record("random")
    found = replace(first, protocol=described("hard/minimax", "hard/minimax", label=label))
    text = text_of(protocol_words.paragraphs(gather([found]))[0])
    assert "`epochs_scale=0.03,evaluations=3`" in text


def paragraph(*records) -> str:
    return " ".join(text_of(one) for one in protocol_words.paragraphs(gather(records)))


def test_methods_without_randomness_are_counted_apart(record):
    drawn = [record("random", at=(s, 0)) for s in range(3)]
    fixed = [
        replace(record("first", at=(s, 0)), stochastic=False, seed=0, distilled="one")
        for s in range(3)
    ]
    one = (
        "made 3 sets for each data set and size (seeds 0, 1 and 2). Each such set taught 1 student."
    )
    other = "without randomness made 1 set for each data set and size, which taught 3 students."
    text = paragraph(*drawn, *fixed)
    assert one in text
    assert other in text
    assert one in paragraph(*drawn)
    assert "without randomness made" not in paragraph(*drawn)
    assert other in paragraph(*fixed)
    assert "with randomness" not in paragraph(*fixed)
    # It has one set, however many seeds it was asked for with.
    assert other in paragraph(*(replace(one, seed=s) for s, one in enumerate(fixed)))


def test_seeds_that_made_equal_images_made_one_set(record):
    equal = [replace(record("kmeans", at=(s, 0)), distilled="equal") for s in range(3)]
    of_seeds = "for each data set and size (seeds 0, 1 and 2; equal sets count once)."
    taught = "Each such set taught 3 students."
    assert f"made 1 set {of_seeds} {taught}" in paragraph(*equal)
    two = [replace(record("random", at=(s, 0)), distilled="equal"[s:]) for s in (0, 0, 1)]
    assert "equal sets" not in paragraph(*two)


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ((0,), "(seed 0)"),
        ((0, 1), "(seeds 0 and 1)"),
        (range(10), "(seeds 0 to 9)"),
        ((0, 1, 2, 5, 1234567), "(seeds 0, 1, 2, 5 and 1234567)"),
    ],
)
def test_seeds_are_a_range_only_where_none_is_left_out(record, seeds, text):
    assert text in paragraph(*(record(at=(s, 0)) for s in seeds))


def test_large_numbers_keep_their_digits(images):
    first = images("random")
    cards = {"fid": {"real": 1281167}, "kid": {"real": 1000}}
    assert "beside 1000 or 1281167 real images, depending on the score." in paragraph(
        replace(first, cards=cards)
    )
    one = replace(first, cards={"fid": {"real": 1281167}})
    other = replace(images("random", 1), cards={"fid": {"real": 1000}})
    assert "beside 1281167 real images." in paragraph(one)
    assert "beside 1000 or 1281167 real images, depending on the set." in paragraph(one, other)


def test_no_paragraph_begins_with_a_space(record):
    """As one would of a run of all images alone, where nothing else is said of sets."""
    found = [text_of(one) for one in protocol_words.paragraphs(gather([record("full", None)]))]
    assert any("Accuracy is the share" in text for text in found)
    assert all(text == text.strip() for text in found)


def test_one_image_is_no_images(record):
    assert "Distilled sets have 1 image per class." in paragraph(record(ipc=1))


def test_that_more_sets_would_rank_them_is_said_of_methods_that_meet_alone(record, cost):
    sets = "Nothing is ranked: that takes two or more distilled sets of every method."
    methods = "Nothing is ranked: that takes two or more methods under one protocol, on one set"
    assert sets in paragraph(record(), record("kmeans"))
    apart = record(), record("kmeans", ipc=50)
    unscored = [cost(name, seed) for name in ("random", "kmeans") for seed in range(2)]
    for records in ([record()], apart, unscored):
        assert methods in paragraph(*records)
        assert sets not in paragraph(*records)


def test_fields_with_two_values_are_set_apart_from_the_last_one(record):
    fields = {"optimizer": "adamw", "norm": "batch", "mix": "cutmix"}
    of_two = [
        replace(record(at=(s, 0)), protocol=described("hard", "hard", fields), facts=facts)
        for s, facts in enumerate(({}, {"norm": "native"}))
    ]
    end = "batch norm or the norm that a network comes with, and CutMix"
    assert end in paragraph(*of_two)


def test_an_alias_of_a_protocol_is_spelled_out(record):
    renamed = described("mine", "hard/minimax+epochs=3")
    text = text_of(protocol_words.paragraphs(gather([replace(record(), protocol=renamed)]))[0])
    assert "under `mine` (Gu et al., 2024; Kim et al., 2022)" in text
    assert "In full it is `hard/minimax+epochs=3`." in text


def test_with_one_set_a_method_nothing_is_said_to_be_ranked(record):
    text = paragraph(record(), record("kmeans"))
    assert "Nothing is ranked" in text
    assert "Holm" not in text


def test_fields_that_no_words_are_known_for_are_not_mentioned(record):
    fields = {"unheard_of": 3.5, "optimizer": "lion", "epochs": 7}
    protocol = described("vendor/mine", "vendor/mine", fields, origin="pkg 1.2")
    text = text_of(protocol_words.paragraphs(gather([replace(record(), protocol=protocol)]))[0])
    assert "`vendor/mine` (from `pkg 1.2`): optimizer `lion` and 7 epochs" in text
    assert "unheard_of" not in text
    assert "3.5" not in text


def test_latex_refers_to_entries_of_the_bibtex(told):
    latex = protocol_words.latex(told.material)
    named = {key for keys in re.findall(r"\\cite{(.*?)}", latex) for key in keys.split(",")}
    text = citing.bibtex(citing.cited(told.material.evidence))
    assert named <= set(parse_string(text, "bibtex").entries)
    assert {"gu2024minimax", "heusel2017fid", "distillationbench"} <= named
    assert latex.isascii()


def test_no_name_of_a_run_begins_an_entry_or_leaves_its_comment(told_small):
    @settings(deadline=None, max_examples=25)
    @given(texts())
    def check(text):
        evidence = Evidence.of(hostile(told_small.records, text))
        cited = citing.cited(evidence)
        material = changed(told_small.material, evidence=evidence)
        said = "".join(comment(text_of(one)) for one in protocol_words.paragraphs(material))
        assert all(line.startswith("% ") for line in said.splitlines())
        found = parse_string(said + "\n" + citing.bibtex(cited), "bibtex").entries
        assert list(found) == [*cited.keys, "distillationbench"]
        latex = protocol_words.latex(material)
        assert latex.isascii()
        assert "\\input" not in latex

    check()
