"""The protocol of images: what it measures, says beside it, leaves out and draws."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.pixels import read_pixels
from bench.data.prefix import Prefix
from bench.errors import BenchError, UsageError
from bench.features import ShippedNetwork, embed_images
from bench.features.extractors import find_extractor
from bench.features.real import RealStatistics
from bench.features.statistics import statistics_of
from bench.images import ArrayImages, FileImages
from bench.metrics.kernels import mmd_rbf
from bench.scores import CARD_WORDS, SCORES
from bench.sets import DistilledSet
from protocols import PROTOCOLS, fidelity_sides
from protocols.fidelity import Fidelity
from protocols.fidelity_cards import cards, versions
from protocols.fidelity_files import MISSING, contact_sheet, write_points, write_sheets
from protocols.fidelity_scores import distribution, embedding
from protocols.fidelity_sides import Sides
from protocols.fidelity_time import of_scores

OF_IMAGES = {name for name, score in SCORES.items() if score.group == "images"}
SHEETS = ("distilled", "nearest", "real")


@pytest.fixture
def drawn(make_real):
    """Return a small real set that has the shipped network, as procedural sets do."""

    def make(**options):
        real = make_real(**options)
        sizes = tuple(np.bincount(real.train.labels).tolist())
        return replace(real, card=replace(real.card, features="embedded", class_sizes=sizes))

    return make


@pytest.fixture
def evaluated(make_context):
    """Return what the protocol says of a distilled set, as resolved for the real one."""

    def evaluate(real, distilled, seeds=(0,), **fields):
        protocol = Fidelity(**fields).resolve(real.card, 1, None)
        protocol.check(real.card, None)
        ctx = make_context(real, distilled, seeds)
        return protocol.evaluate(distilled, real, None, ctx)

    return evaluate


def selected(real, *counts):
    """Return the first images of each class of a real set."""
    rows = [real.train.of_class(label)[:count] for label, count in enumerate(counts)]
    return DistilledSet.of_indices(real, np.concatenate(rows))


def speckled(real, per_class=6, side=16):
    """Return images that are not in the real set, of the same make."""
    labels = np.repeat(np.arange(real.card.num_classes), per_class)
    rng = np.random.default_rng(7)
    pixels = rng.integers(200, size=(len(labels), side, side, 3), dtype=np.uint8)
    return DistilledSet(ArrayImages(pixels), labels, real.card.classes)


def embedded(images):
    """Return the features of images by the functions that coreset methods use, in float64."""
    artefact = ShippedNetwork.of()
    model = artefact.load(None, torch.device("cpu"))
    side = artefact.resolution
    pixels = read_pixels(images, Prefix(side, side))
    return embed_images(model, pixels, torch.device("cpu")).astype(np.float64)


def on_a_line(*numbers):
    """Return features of two dimensions, one of which says nothing."""
    return [[number, 0.0] for number in numbers]


def sides_of(real, real_labels, features, labels, num_real=10_000, neighbours=1):
    """Return sides of given features, of an extractor that is only named."""
    real, real_labels = np.asarray(real, np.float32), np.asarray(real_labels)
    device = torch.device("cpu")

    @dataclasses.dataclass
    class Named:
        name: str = "given"

    return Sides(
        Named(),
        statistics_of(real, real_labels, num_real, neighbours, device),
        real,
        real_labels,
        torch.tensor(np.asarray(features), dtype=torch.float64),
        np.asarray(labels),
        int(max(real_labels.max(), np.max(labels))) + 1,
    )


# The fields ------------------------------------------------------------------------------------


def test_networks_are_the_shipped_one_for_drawn_sets_and_inception_and_resnet_for_others(make_card):
    drawn = replace(make_card(), features="embedded")
    usual = PROTOCOLS["fidelity"].resolve(make_card(), 10, None)
    shipped = PROTOCOLS["fidelity"].resolve(drawn, 10, None)
    assert (usual.features, usual.embedding) == ("inception-pytorch-fid", "resnet18-imagenet")
    assert (shipped.features, shipped.embedding) == ("embedded", "embedded")
    assert Fidelity(features="convnet3@32").resolve(drawn, 10, None).features == "convnet3@32"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"split": "val"}, "split"),
        ({"neighbours": 0}, "neighbours"),
        ({"draws": 0}, "draws"),
        ({"num_real": 9}, "num_real"),
        ({"num_real": 19, "neighbours": 10}, "num_real"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(fields, named):
    with pytest.raises(ValueError, match=f"^`{named}` must be"):
        Fidelity(**fields)


def test_every_network_has_its_statistics_among_what_is_needed_once(make_card):
    card = replace(make_card(), features="embedded")
    one = Fidelity().resolve(card, 10, None).needs(card, None)
    two = Fidelity(embedding="convnet3@32").resolve(card, 10, None).needs(card, None)
    assert [type(artefact) for artefact in (*one, *two)] == [RealStatistics] * 3
    assert [artefact.extractor for artefact in two] == ["embedded", "convnet3@32"]
    assert one == two[:1]


def test_the_test_images_are_another_artefact(make_card):
    card = replace(make_card(), features="embedded")
    train, test = (Fidelity(split=split).resolve(card, 10, None) for split in ("train", "test"))
    (of_train,), (of_test,) = train.needs(card, None), test.needs(card, None)
    assert (of_train.images_revision, of_test.images_revision) == ("a", "b")


def test_a_class_without_neighbourhoods_is_refused_before_anything_runs(make_card):
    card = replace(make_card(3), features="embedded", class_sizes=(9, 5, 9))
    protocol = Fidelity().resolve(card, 1, None)
    with pytest.raises(UsageError, match=r"'n00000001' of 'tiny' has 5: .* `fidelity\[neighb"):
        protocol.check(card, None)
    replace(protocol, neighbours=4).check(card, None)


def test_more_real_images_in_pairs_take_more_time():
    few, many, most = (of_scores((512, 512), 100, 10**6, n, 10, 10) for n in (10, 10**4, 10**5))
    assert few < many < most
    # A class of 10,000 real images has a hundred million pairs of 512 products each.
    assert most > 10 * 1e8 * 512 / 1e11


def test_a_pair_of_many_features_takes_more_time_and_so_does_every_subset():
    assert of_scores((512, 512), 500, 10**4, 10**4, 10, 1) < min(
        of_scores((2048, 512), 500, 10**4, 10**4, 10, 1),
        of_scores((512, 2048), 500, 10**4, 10**4, 10, 1),
        of_scores((512, 512), 500, 10**4, 10**4, 10, 10),
    )


def test_an_estimate_needs_no_artefact(make_card):
    card = replace(make_card(resolution=32), features="embedded")
    protocol = Fidelity().resolve(card, 10, None)
    few, many = (protocol.seconds(card, n, None, 0, torch.device("cpu")) for n in (1, 10**6))
    assert 0 < few < many


# What is measured ------------------------------------------------------------------------------


def test_the_fid_of_the_whole_set_and_of_a_class_is_that_of_pytorch_fid(drawn, evaluated):
    real = drawn(per_class=30)
    distilled = speckled(real)
    outcome = evaluated(real, distilled)
    ours, theirs = embedded(distilled.images), embedded(real.train.images)
    expected = [_pytorch_fid(theirs, ours)]
    for label in range(2):
        expected.append(
            _pytorch_fid(theirs[real.train.labels == label], ours[distilled.labels == label])
        )
    found = [outcome.scores["fid"], *outcome.per_class["fid"]]
    assert found == pytest.approx(expected, rel=1e-6)


def _pytorch_fid(real, features):
    """Return pytorch-fid's distance; its matrix root is one that SciPy has deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the root, and of a covariance of so few images
        from pytorch_fid.fid_score import calculate_frechet_distance

        moments = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (real, features)]
        try:
            return calculate_frechet_distance(*moments[0], *moments[1])
        except TypeError:
            pytest.skip("pytorch-fid calls SciPy's matrix root as SciPy 1.18 does not take it")


def test_means_and_nearest_images_are_those_of_the_features(drawn, evaluated):
    real = drawn()
    distilled = speckled(real)
    outcome = evaluated(real, distilled)
    ours, theirs = embedded(distilled.images), embedded(real.train.images)
    same = distilled.labels[:, None] == real.train.labels
    apart = np.linalg.norm(ours[:, None] - theirs, axis=2)
    assert outcome.scores["embedding_l2"] == pytest.approx(
        np.linalg.norm(ours.mean(axis=0) - theirs.mean(axis=0)), rel=1e-5
    )
    assert outcome.per_class["embedding_l2"] == pytest.approx(
        [
            np.linalg.norm(
                ours[distilled.labels == label].mean(axis=0)
                - theirs[real.train.labels == label].mean(axis=0)
            )
            for label in range(2)
        ],
        rel=1e-5,
    )
    assert outcome.scores["nearest_real"] == pytest.approx(
        np.where(same, apart, np.inf).min(axis=1).mean(), rel=1e-5
    )


def test_a_selection_of_real_images_is_made_of_copies(drawn, evaluated):
    real = drawn()
    outcome = evaluated(real, selected(real, 6, 6))
    assert outcome.scores["nearest_real"] == pytest.approx(0.0, abs=1e-3)
    assert outcome.scores["authenticity"] == 0.0
    assert outcome.scores["representativeness"] == pytest.approx(1.0)
    sheets = [outcome.files[name].read_bytes() for name in ("distilled", "nearest")]
    assert sheets[0] == sheets[1]


def test_equal_sets_have_equal_outcomes_whatever_their_seed(drawn, evaluated):
    real = drawn()
    outcomes, files = [], []
    for seed in (0, 5):
        outcomes.append(evaluated(real, speckled(real), seeds=(seed,)))
        files.append({name: path.read_bytes() for name, path in outcomes[-1].files.items()})
    assert outcomes[0] == outcomes[1]
    assert files[0] == files[1]
    assert "fid_extrapolated" in outcomes[0].scores


def test_test_images_can_be_compared_with(drawn, evaluated):
    real = drawn()
    distilled = speckled(real)
    outcome = evaluated(real, distilled, split="test")
    expected = embedded(distilled.images).mean(axis=0) - embedded(real.test.images).mean(axis=0)
    assert outcome.scores["embedding_l2"] == pytest.approx(np.linalg.norm(expected), rel=1e-5)
    assert {card.facts["split"] for card in outcome.cards.values()} == {"test"}


def test_too_few_test_images_are_an_error_with_the_way_out(drawn, evaluated):
    real = drawn(per_class=10)
    few = FileImages(real.test.images.root, real.test.images.names[:5])
    real = replace(real, test=replace(real.test, images=few, labels=real.test.labels[:5]))
    with pytest.raises(BenchError, match=r"'tiny' has 5 test images: .*neighbours=1"):
        evaluated(real, speckled(real), split="test")


def test_two_networks_are_asked_about_different_things(drawn, evaluated):
    real = drawn()
    other = "convnet2[width=4]@16"
    both, first = (evaluated(real, speckled(real), embedding=name) for name in (other, None))
    blocks = {name: card.facts["extractor"] for name, card in both.cards.items()}
    assert blocks == {
        name: "embedded" if SCORES[name].block == "distribution" else other for name in blocks
    }
    assert both.scores["fid"] == first.scores["fid"]
    assert both.scores["embedding_l2"] != first.scores["embedding_l2"]
    assert both.cards["embedding_l2"].facts["weights"].startswith("trained-")
    assert both.cards["embedding_l2"].facts["resize"] == "shorter16-centre16"


def test_nothing_is_done_to_the_real_set(drawn, evaluated):
    real = drawn()
    paths = [real.train.images.path(row) for row in range(len(real.train))]
    before, labels = [path.read_bytes() for path in paths], real.train.labels.copy()
    evaluated(real, speckled(real))
    assert [path.read_bytes() for path in paths] == before
    assert (real.train.labels == labels).all()


# What is undefined -----------------------------------------------------------------------------


def test_what_few_images_do_not_define_is_left_out(drawn, evaluated):
    real = drawn()
    outcome = evaluated(real, selected(real, 1, 1))
    assert OF_IMAGES - set(outcome.scores) == {"fid_extrapolated", "recall"}
    undefined = {name for name, values in outcome.per_class.items() if all(map(math.isnan, values))}
    assert undefined == {"fid", "kid", "recall", "mmd", "diversity"}
    assert all(len(values) == 2 for values in outcome.per_class.values())


def test_five_images_of_a_class_have_no_neighbourhoods_of_five_but_the_set_has(drawn, evaluated):
    real = drawn()
    five, six = (evaluated(real, speckled(real, count)) for count in (5, 6))
    assert all(map(math.isnan, five.per_class["recall"]))
    assert "recall" in five.scores
    assert all(map(math.isfinite, six.per_class["recall"]))


def test_classes_of_different_sizes_are_compared_and_counted(drawn, evaluated):
    real = drawn()
    outcome = evaluated(real, selected(real, 3, 4))
    assert {card.facts["distilled"] for card in outcome.cards.values()} == {7}
    assert outcome.facts["distilled"] == 7
    assert all(map(math.isfinite, outcome.per_class["fid"]))


def test_a_class_without_real_images_has_no_scores_of_its_own():
    # Class 1 has distilled images alone, class 2 has real ones alone.
    sides = sides_of(on_a_line(0, 1, 2, 9, 8), [0, 0, 0, 2, 2], on_a_line(0.5, 7), [0, 1])
    means, nearest = embedding(sides)
    assert nearest[1] == MISSING
    assert nearest[0] in (0, 1)
    assert means.per_class["nearest_real"] == pytest.approx([0.5, math.nan, math.nan], nan_ok=True)
    assert means.scores["nearest_real"] == 0.5
    spread = distribution(sides, 1, 1, torch.Generator())
    assert math.isnan(spread.per_class["coverage"][1])
    assert math.isnan(spread.per_class["coverage"][2])
    assert carded(sides, means, "distilled") == {
        name: 1 if name in ("nearest_real", "authenticity") else 2 for name in means.scores
    }


def test_images_whose_nearest_real_one_is_alone_are_not_in_authenticity():
    # The only real image of class 1 has no neighbour to be compared with.
    sides = sides_of(on_a_line(0, 1, 9), [0, 0, 1], on_a_line(5, 9, 8), [0, 1, 1])
    means, _ = embedding(sides)
    assert means.scores["authenticity"] == 100.0
    said = carded(sides, means, "distilled")
    assert (said["authenticity"], said["nearest_real"], said["diversity"]) == (1, 3, 3)


def test_a_set_that_has_no_class_with_real_images_has_no_nearest_ones():
    sides = sides_of(on_a_line(0, 1, 2), [0, 0, 0], on_a_line(0.5, 7), [1, 1])
    means, nearest = embedding(sides)
    assert nearest.tolist() == [MISSING, MISSING]
    assert not {"nearest_real", "authenticity"} & set(means.scores)
    assert all(map(math.isfinite, means.scores.values()))


def carded(sides, found, fact):
    """Return a fact of the cards of scores, of sides of an extractor that is only named."""
    sides = replace(sides, extractor=find_extractor("embedded", "", ""))
    distilled = DistilledSet(
        ArrayImages(np.zeros((len(sides.labels), 1, 1, 3), np.uint8)), sides.labels, ("ant",) * 9
    )
    said = cards(sides, found, distilled, "train", 1)
    return {name: card.facts[fact] for name, card in said.items()}


def test_equal_features_have_no_scale_for_a_kernel():
    sides = sides_of([[1.0, 2.0]] * 4, [0] * 4, [[1.0, 2.0]] * 2, [0, 0])
    means, _ = embedding(sides)
    assert "mmd" not in means.scores
    assert math.isnan(means.per_class["mmd"][0])


# By hand ---------------------------------------------------------------------------------------


def test_a_class_is_compared_with_its_own_real_images():
    # Real classes on a line: 0, 1, 3 and 10, 11, 13. The distilled image of class 0 lies amid the
    # second class, so nothing of its own class is near, though it covers the whole's.
    real = on_a_line(0, 1, 3, 10, 11, 13), [0, 0, 0, 1, 1, 1]
    sides = sides_of(*real, on_a_line(10.5, 10.5), [0, 1])
    spread = distribution(sides, 1, 1, torch.Generator())
    means, nearest = embedding(sides)
    # Radii to the first neighbour are 1, 1, 2 in both classes: 10 and 11 are reached by 10.5.
    assert spread.scores["precision"] == 1.0
    assert spread.scores["coverage"] == pytest.approx(2 / 6)
    assert spread.scores["density"] == 2.0
    assert spread.per_class["precision"] == (0.0, 1.0)
    assert spread.per_class["coverage"] == pytest.approx((0.0, 2 / 3))
    assert nearest[0] == 2
    assert nearest[1] in (3, 4)
    assert means.per_class["nearest_real"] == pytest.approx((7.5, 0.5))
    assert means.scores["nearest_real"] == pytest.approx(4.0)
    # 7.5 is more than the gap of 2 behind 3; 0.5 is less than that of 1 between 10 and 11.
    assert means.per_class["authenticity"] == (100.0, 0.0)
    assert means.scores["authenticity"] == 50.0


def test_pairs_take_some_real_images_and_means_take_all():
    rng = np.random.default_rng(0)
    real, labels = rng.normal(size=(40, 3)), np.repeat([0, 1], 20)
    features = rng.normal(size=(6, 3)) + 3, np.repeat([0, 1], 3)
    few, all_of_them = (sides_of(real, labels, *features, num_real=n) for n in (10, 40))
    assert (len(few.pairs), len(all_of_them.pairs)) == (10, 40)
    assert few.pairs.numpy() == pytest.approx(real[few.statistics.rows.numpy()].astype(np.float32))
    means = [embedding(sides)[0].scores for sides in (few, all_of_them)]
    spread = [
        distribution(sides, 1, 2, torch.Generator().manual_seed(0)).scores
        for sides in (few, all_of_them)
    ]
    same = {name for name in means[0] if means[0][name] == means[1][name]}
    assert same == set(means[0]) - {"mmd"}
    assert spread[0]["fid"] == spread[1]["fid"]
    assert spread[0]["kid"] != spread[1]["kid"]


def test_mmd_takes_fewer_real_images_than_other_scores_of_pairs(monkeypatch):
    monkeypatch.setattr(fidelity_sides, "KERNEL_REAL", 8)
    rng = np.random.default_rng(0)
    real, labels = rng.normal(size=(40, 3)).astype(np.float32), np.repeat([0, 1], 20)
    sides = sides_of(real, labels, rng.normal(size=(6, 3)) + 1, np.repeat([0, 1], 3), num_real=32)
    means, _ = embedding(sides)
    # Of the 16 in pairs of each class every fourth, and of one class alone every second.
    rows, exact = sides.statistics.rows.numpy(), torch.from_numpy(real).double()
    assert means.scores["mmd"] == mmd_rbf(exact[rows[::4]], sides.features)[0]
    of_first = mmd_rbf(exact[rows[:16:2]], sides.features[:3])[0]
    assert means.per_class["mmd"][0] == pytest.approx(of_first)
    assert carded(sides, means, "real")["mmd"] == 8


def test_classes_say_of_how_many_images_their_scores_are(drawn, evaluated):
    real = drawn()
    outcome = evaluated(real, selected(real, 3, 4), num_real=14)
    assert outcome.per_class["distilled"] == (3.0, 4.0)
    assert outcome.per_class["real"] == (20.0, 20.0)
    assert outcome.per_class["real_in_pairs"] == (7.0, 7.0)


# What is said beside it ------------------------------------------------------------------------


def test_every_number_has_its_card(drawn, evaluated):
    real = drawn()
    outcome = evaluated(real, replace(speckled(real), mosaic=2), num_real=14)
    assert set(outcome.scores) == set(outcome.cards) == OF_IMAGES
    for name, card in outcome.cards.items():
        facts = dict(card.facts)
        assert set(facts) <= set(CARD_WORDS)
        in_pairs = name in ("kid", "mmd", "precision", "recall", "density", "coverage")
        assert facts.pop("real") == (14 if in_pairs else 0 if name == "diversity" else 40)
        around = name in ("precision", "recall", "density", "coverage")
        assert facts.pop("neighbours", None) == (5 if around else None)
        assert facts == {
            "extractor": "embedded",
            "weights": ShippedNetwork.of().weights[:16],
            "resize": "shorter32-centre32",
            "split": "train",
            "distilled": 12,
            "dtype": "float32 features, float64 distances",
            "mosaic": 2,
        }


def test_facts_say_what_was_used_and_nothing_that_differs_between_equal_runs(drawn, evaluated):
    real = drawn()
    outcome = evaluated(real, speckled(real, 4))
    facts = dict(outcome.facts)
    assert facts.pop("mmd_gamma") > 0
    assert facts == {
        "distilled": 8,
        "real": 40,
        "real_in_pairs": 40,
        "real_in_mmd": 40,
        "dimension": 384,
        "compiled": 0,
        "extrapolated_sizes": "4-8",
    }


def test_the_package_whose_code_a_network_runs_is_named_with_its_version():
    clean = {"clean_fid": metadata.version("clean-fid")}
    assert versions(["inception-clean", "inception-clean-legacy", "embedded"]) == clean
    assert versions(["inception-pytorch-fid"]) == {"pytorch_fid": metadata.version("pytorch-fid")}
    assert versions(["resnet18-imagenet"]) == {}


# What is drawn ---------------------------------------------------------------------------------


def test_a_sheet_has_a_row_for_every_row_and_is_black_where_nothing_is():
    pixels = np.full((2, 40, 20, 3), 200, np.uint8)
    pixels[1] = 100
    sheet = np.asarray(contact_sheet(ArrayImages(pixels), [[0], [1, MISSING, 0]], side=8))
    assert sheet.shape == (16, 24, 3)
    values = sheet.reshape(2, 8, 3, 8, 3).transpose(0, 2, 1, 3, 4).reshape(2, 3, -1)
    assert (values.min(axis=2) == values.max(axis=2)).all()
    assert values[:, :, 0].tolist() == [[200, 0, 0], [100, 0, 200]]


def test_small_images_are_enlarged_without_smoothing():
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3) * 20
    cell = np.asarray(contact_sheet(ArrayImages(pixels), [[0]], side=64))
    assert (cell == np.repeat(np.repeat(pixels[0], 32, axis=0), 32, axis=1)).all()


def test_sheets_show_ten_images_of_ten_classes_at_most(tmp_path, drawn):
    real = drawn(num_classes=12, per_class=11)
    distilled = selected(real, *[11] * 12)
    nearest = np.arange(len(real.train))[::-1].copy()
    paths = write_sheets(tmp_path, real.train, distilled, nearest)
    assert tuple(paths) == SHEETS
    for path in paths.values():
        with Image.open(path) as sheet:
            assert (sheet.format, sheet.mode, sheet.size) == ("WEBP", "RGB", (640, 640))
    few = write_sheets(tmp_path, real.train, selected(real, *[2] * 12), nearest)
    sizes = []
    for path in few.values():
        with Image.open(path) as sheet:
            sizes.append(sheet.size)
    assert sizes == [(128, 640), (128, 640), (640, 640)]


def test_points_of_flat_features_keep_their_distances(tmp_path):
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(5, 2)))[0].T
    real, features = (rng.normal(size=(n, 2)) * [3, 1] @ axes + 4 for n in (30, 6))
    sides = sides_of(real, [0] * 15 + [1] * 15, features, [0, 0, 0, 1, 1, 1])
    content = json.loads(write_points(tmp_path, sides, ("ant", "bee"), "train").read_text())
    for name, rows in (("real", real), ("distilled", features)):
        points = np.array(content[name]["xy"])
        assert points.shape == (len(rows), 2)
        drawn, meant = (np.linalg.norm(x[:, None] - x, axis=2) for x in (points, rows))
        assert drawn == pytest.approx(meant, abs=5e-3)
    assert np.array(content["real"]["xy"]).std(axis=0) == pytest.approx(
        np.linalg.svd(real - real.mean(axis=0), compute_uv=False)[:2] / 30**0.5, rel=1e-3
    )
    assert sum(content["explained"]) == pytest.approx(1.0, abs=1e-3)
    assert content["distilled"]["label"] == [0, 0, 0, 1, 1, 1]
    assert {name: content[name] for name in ("version", "extractor", "split", "classes")} == {
        "version": 1,
        "extractor": "given",
        "split": "train",
        "classes": ["ant", "bee"],
    }
    assert content["sheet"] == {"side": 64, "columns": 10, "classes": [0, 1]}


def test_points_are_so_many_that_a_page_can_draw_them(tmp_path):
    rng = np.random.default_rng(0)
    real, features = (rng.normal(size=(n, 3)) for n in (3_000, 2_600))
    labels = np.repeat(np.arange(20), 150), np.repeat(np.arange(20), 130)
    sides = sides_of(real, labels[0], features, labels[1], num_real=50)
    path = write_points(tmp_path, sides, [f"n{label:08d}" for label in range(20)], "train")
    content = json.loads(path.read_text())
    assert path.stat().st_size <= 60_000
    assert np.bincount(content["real"]["label"]).tolist() == [50] * 20
    assert np.bincount(content["distilled"]["label"]).tolist() == [100] * 20
