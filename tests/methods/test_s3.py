"""`s3`: the images of `dit` at G times the IPC, of which one group of every class is kept."""

import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image

from bench import specs
from bench.augment.colour import normalised
from bench.backbones import embed
from bench.features import IMAGENET
from bench.sampling.subgroups import S3
from methods import METHODS

STEPS = {"steps": "3", "scheduler": "ddim"}


def method_of(select="s3", **fields):
    return specs.override(METHODS["dit"], STEPS | {"select": select} | fields, "dit")


@pytest.fixture
def images_of(tiny_real):
    """Return the images `[C, ipc, H, W, 3]` that a method distils, and the set."""

    def distil(method, ipc, ctx):
        distilled = method.resolve(tiny_real.card, ipc).distill(tiny_real, ipc, ctx)
        pixels = [distilled.images.decode(index) for index in range(len(distilled))]
        return np.stack(pixels).reshape(3, ipc, 16, 16, 3), distilled

    return distil


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def chosen_groups(images, candidates, ipc):
    """Return which group of the candidates every class has kept."""
    groups = candidates.reshape(3, -1, ipc, 16, 16, 3)
    return [
        next(g for g, group in enumerate(of_class) if (group == kept).all())
        for kept, of_class in zip(images, groups, strict=True)
    ]


def objective(centres, real, choice, alpha, beta, eps=1e-6):
    """Return the code's objective, as the specification writes it."""
    near = sum(-math.log(1 - centres[c, g] @ real[c] + eps) for c, g in enumerate(choice))
    apart = sum(
        math.log(1 - centres[a, choice[a]] @ centres[b, choice[b]] + eps)
        for a, b in itertools.combinations(range(len(choice)), 2)
    )
    return alpha * near + beta * apart


def centres_of(candidates, ipc, network):
    """Return the centres `[C, G, d]` of the groups, from resized images on."""
    resized = [
        np.array(Image.fromarray(image).resize((8, 8), Image.Resampling.BILINEAR))
        for image in candidates.reshape(-1, 16, 16, 3)
    ]
    pixels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2)
    with torch.no_grad():
        features = embed(network, normalised(pixels)).double().numpy()
    return unit(unit(features).reshape(3, -1, ipc, features.shape[1]).mean(axis=2))


def test_one_group_is_plain_dit_bit_for_bit(images_of, make_context):
    plain, _ = images_of(method_of("all"), 2, make_context())
    chosen, _ = images_of(method_of("s3[groups=1]"), 2, make_context())
    assert (plain == chosen).all()


def test_the_candidates_are_the_images_of_dit_at_groups_times_the_ipc(images_of, make_context):
    ctx = make_context()
    candidates, _ = images_of(method_of("all"), 6, ctx)
    for fields in ("", ",alpha=0", ",beta=0", ",start=random"):
        chosen, distilled = images_of(method_of(f"s3[groups=3{fields}]"), 2, ctx)
        assert len(chosen_groups(chosen, candidates, 2)) == 3
        assert distilled.labels.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_class_would_do_better_with_another_of_its_groups(
    images_of, make_context, tiny_real, seed
):
    ctx = make_context(seed)
    candidates, _ = images_of(method_of("all"), 6, ctx)
    images, _ = images_of(method_of("s3[groups=3,alpha=0.4,beta=0.9]"), 2, ctx)
    choice = chosen_groups(images, candidates, 2)

    spec = method_of("s3[groups=3]").resolve(tiny_real.card, 2).sampling.select
    statistics, network = (ctx.get(artefact) for artefact in spec.needs(tiny_real.card))
    real = statistics.unit_mean.astype(np.float64)
    centres = centres_of(candidates, 2, network)
    nearest = np.einsum("cgd,cd->cg", centres, real).argmax(axis=1)
    found = objective(centres, real, choice, 0.4, 0.9)
    assert found >= objective(centres, real, nearest, 0.4, 0.9) - 1e-9
    for label, group in itertools.product(range(3), range(3)):
        other = [*choice[:label], group, *choice[label + 1 :]]
        assert objective(centres, real, other, 0.4, 0.9) <= found + 1e-5  # float32 features


def test_without_distance_between_classes_the_group_nearest_to_the_real_centre_is_kept(
    images_of, make_context, tiny_real
):
    ctx = make_context()
    candidates, _ = images_of(method_of("all"), 6, ctx)
    images, _ = images_of(method_of("s3[groups=3,beta=0]"), 2, ctx)
    spec = method_of("s3[groups=3]").resolve(tiny_real.card, 2).sampling.select
    statistics, network = (ctx.get(artefact) for artefact in spec.needs(tiny_real.card))
    near = np.einsum("cgd,cd->cg", centres_of(candidates, 2, network), statistics.unit_mean)
    assert chosen_groups(images, candidates, 2) == near.argmax(axis=1).tolist()


def test_its_cost_is_that_of_all_candidates(images_of, make_context):
    _, plain = images_of(method_of("all"), 2, make_context())
    _, chosen = images_of(method_of("s3[groups=3]"), 2, make_context())
    assert plain.facts["forwards"] == 2 * 3  # two branches, three steps
    assert chosen.facts["forwards"] == 3 * 2 * 3
    assert chosen.facts["uses_imagenet_labels"] == "no"


def test_an_encoder_that_has_seen_imagenet_is_told_of(tiny_real):
    spec = method_of(f"s3[encoder={IMAGENET}]").resolve(tiny_real.card, 2).sampling.select
    assert spec.uses_imagenet_labels
    assert len(spec.needs(tiny_real.card)) == 1  # the real centres; the network is fetched


def test_the_registered_name_is_dit_with_the_selection():
    assert METHODS["s3"] == specs.override(METHODS["dit"], {"select": "s3"}, "dit")
    assert METHODS["s3"].sampling.select == S3()
