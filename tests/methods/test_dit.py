from dataclasses import replace

import numpy as np
import pytest

from bench import specs
from bench.errors import BenchError, UsageError
from bench.generators import GENERATORS, Pretrained
from bench.generators.embedded import Embedded
from bench.sampling import Sampling
from bench.sampling.samples import Samples
from bench.sets import RealSet
from bench.shipped import ShippedWeights
from methods.dit import DiT

QUICK = DiT(Sampling(steps=4, scheduler="ddim"))


@pytest.fixture
def distil(make_context, reals):
    def run(method, real, ipc, seed=0):
        reals["tiny"] = real
        ctx = make_context(seed)
        return method.resolve(real.card, ipc).distill(real, ipc, ctx)

    return run


def pixels_of(distilled):
    return np.stack([distilled.images.decode(i) for i in range(len(distilled))]).astype(int)


def test_a_set_has_ipc_images_of_every_class_at_the_generators_size(distil, tiny_real):
    distilled = distil(QUICK, tiny_real, 2)
    images = pixels_of(distilled)
    assert images.shape == (6, 16, 16, 3)
    assert distilled.labels.dtype == np.int64
    assert distilled.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert distilled.classes == tiny_real.card.classes
    assert (distilled.weights, distilled.soft, distilled.mosaic) == (None, None, 1)
    assert len(np.unique(images.reshape(6, -1), axis=0)) == 6


def test_the_defaults_are_50_ddpm_steps_with_guidance_4():
    sampling = DiT().sampling
    assert (sampling.scheduler, sampling.steps, sampling.cfg) == ("ddpm", 50, 4.0)


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
def test_one_image_a_class_is_a_prefix_of_three(distil, tiny_real, scheduler):
    method = DiT(Sampling(steps=4, scheduler=scheduler))
    one, three = (pixels_of(distil(method, tiny_real, ipc)) for ipc in (1, 3))
    assert (one == three[::3]).all()
    assert np.abs(three[0] - three[1]).max() > 30


def test_the_same_seed_gives_the_same_images_and_another_seed_others(distil, tiny_real):
    first, again, other = (pixels_of(distil(QUICK, tiny_real, 2, seed)) for seed in (3, 3, 4))
    assert (first == again).all()
    assert np.abs(first - other).max() > 30


def test_the_batch_changes_no_image(distil, tiny_real):
    small = replace(QUICK, sampling=replace(QUICK.sampling, batch=2))
    one, other = (pixels_of(distil(method, tiny_real, 3)) for method in (QUICK, small))
    # One step of 255 where a value lies on the edge: other batches round products otherwise.
    assert np.abs(one - other).max() <= 1


def test_a_class_gives_the_same_images_whatever_its_label_is(distil, tiny_real):
    card = replace(tiny_real.card, classes=tiny_real.card.classes[::-1])
    turned = RealSet(card, tiny_real.train, tiny_real.test)
    one, other = (pixels_of(distil(QUICK, real, 2)) for real in (tiny_real, turned))
    assert np.abs(one - np.concatenate([other[4:], other[2:4], other[:2]])).max() <= 1


def test_classes_are_named_to_the_generator_by_id(distil, tiny_real, generator, monkeypatch):
    asked = []
    condition = generator.condition
    monkeypatch.setattr(
        generator, "condition", lambda *given: asked.append(condition(*given)) or asked[-1]
    )
    distil(QUICK, tiny_real, 1)
    assert [cond.given.tolist() for cond in asked] == [[1, 2, 0]]


def test_the_generator_is_filled_in_by_the_classes_and_enters_the_identity(tiny_real):
    method = DiT().resolve(tiny_real.card, 10)
    assert method.sampling.generator == "embedded"
    assert method.resolve(tiny_real.card, 10) == method
    assert specs.identity("dit", method) == "dit@2+sampling[generator=embedded]"


def test_fields_of_the_sampling_are_fields_of_the_method():
    asked = specs.override(DiT(), {"steps": "20", "scheduler": "ddim"}, "dit")
    assert asked == DiT(Sampling(steps=20, scheduler="ddim"))
    with pytest.raises(UsageError, match=r"'stepz' of 'dit'\. Did you mean 'steps'\? .*scheduler"):
        specs.override(DiT(), {"stepz": "20"}, "dit")
    with pytest.raises(UsageError, match=r"dit\[cfg\]: `cfg` must be at least 1\.0"):
        specs.override(DiT(), {"cfg": "0"}, "dit")


def test_the_generator_is_announced_and_its_weights_are_part_of_the_request(
    tiny_real, make_context, generator
):
    ctx = make_context()
    method = QUICK.resolve(tiny_real.card, 1)
    method.distill(tiny_real, 1, ctx)
    asked = [artefact for artefact in ctx.artefacts.asked if not isinstance(artefact, Samples)]
    assert tuple(asked) == method.needs(tiny_real.card, 1)
    assert method.needs(tiny_real.card, 1) == (Pretrained("embedded", "made"),)
    assert method.inputs_revision(tiny_real.card, 1, 0) == "made"


def test_a_class_the_generator_does_not_know_is_one_sentence(make_real):
    card = replace(make_real((6, 6)).card, classes=("n00", "stranger"))
    with pytest.raises(UsageError, match=r"No generator is meant for the classes of 'tiny'"):
        DiT().resolve(card, 1)
    with pytest.raises(
        UsageError, match=r"'embedded' does not know 1 of .* \(such as 'stranger'\)"
    ):
        DiT(Sampling(generator="embedded")).resolve(card, 1)


def test_missing_weights_are_found_out_before_anything_is_sampled(tiny_real, monkeypatch, tmp_path):
    monkeypatch.setitem(GENERATORS, "embedded", Embedded("empty", ShippedWeights(tmp_path)))
    card = replace(tiny_real.card, name="shapewoof", classes=("cat", "dog", "fox"))
    method = DiT().resolve(card, 1)
    for ask in (method.needs, lambda *given: method.inputs_revision(*given, 0)):
        with pytest.raises(BenchError, match=r"come with the package, but .*autoencoder.* is mis"):
            ask(card, 1)


@pytest.mark.parametrize("ipc", [0, -1, None])
def test_an_ipc_below_one_is_refused(ipc, tiny_real):
    with pytest.raises(UsageError, match=rf"IPC .* at least 1, got {ipc}\."):
        DiT().resolve(tiny_real.card, ipc)
