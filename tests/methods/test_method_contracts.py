import dataclasses

import numpy as np
import pytest

from bench import specs
from bench.contracts import TellsTime
from bench.errors import UsageError
from bench.generators import GENERATORS
from bench.sampling.samples import Samples
from methods import METHODS

NAMES = sorted(METHODS)
GENERATING = sorted(name for name, method in METHODS.items() if specs.has_field(method, "sampling"))
CHOOSING = sorted(set(NAMES) - set(GENERATING))
WITH_MODES = sorted(name for name in GENERATING if METHODS[name].depends_on_ipc == "always")
WITH_IPC = sorted(name for name, method in METHODS.items() if method.uses_ipc)
CHOOSING_IPC = sorted(set(CHOOSING) & set(WITH_IPC))
STOCHASTIC = sorted(name for name, method in METHODS.items() if method.stochastic)


def few_steps(name):
    """Return a registered method; one that samples does so in few steps, after little training."""
    # Of 4 steps, the one at u = 2/3 lies in every method's window.
    fields = {"steps": "4", "scheduler": "ddim", "surrogate_epochs": "1"}
    fields |= {"epochs": "1", "tune_batch": "4"}
    known = {key: text for key, text in fields.items() if specs.has_field(METHODS[name], key)}
    return specs.override(METHODS[name], known, name)


def distil(name, real, ipc, ctx):
    return few_steps(name).resolve(real.card, ipc).distill(real, ipc, ctx)


def pixels_of(distilled):
    return np.stack([distilled.images.decode(i) for i in range(len(distilled))])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ipc", [1, 3, 6])
def test_a_set_has_ipc_distinct_images_of_every_class_ordered_by_class(
    name, ipc, tiny_real, make_context
):
    distilled = distil(name, tiny_real, ipc, make_context())
    per_class = ipc if METHODS[name].uses_ipc else 6
    pixels = pixels_of(distilled)

    assert distilled.labels.dtype == np.int64
    assert distilled.labels.tolist() == [0] * per_class + [1] * per_class + [2] * per_class
    assert pixels.dtype == np.uint8
    assert len(np.unique(pixels.reshape(len(pixels), -1), axis=0)) == len(distilled) == len(pixels)
    assert distilled.classes == tiny_real.card.classes
    assert distilled.weights is None
    assert distilled.soft is None


@pytest.mark.parametrize("name", CHOOSING)
@pytest.mark.parametrize("ipc", [1, 3, 6])
def test_a_choosing_method_takes_real_images_of_the_class(
    name, ipc, tiny_real, make_context, chosen_from
):
    distilled = distil(name, tiny_real, ipc, make_context())
    assert [index // 6 for index in chosen_from(distilled)] == distilled.labels.tolist()


@pytest.mark.parametrize("name", sorted(set(GENERATING) - set(WITH_MODES)))
def test_a_generating_method_can_draw_more_images_than_a_class_has(name, make_real, make_context):
    assert len(distil(name, make_real((2, 2, 2)), 3, make_context())) == 9


@pytest.mark.parametrize("name", WITH_MODES)
def test_a_method_with_a_mode_for_every_image_refuses_an_ipc_above_the_smallest_class(
    name, make_real
):
    with pytest.raises(UsageError, match=r"needs 3 training .*'n01' of 'tiny' has 2.* at most 2\."):
        METHODS[name].resolve(make_real((6, 2, 6)).card, 3)


@pytest.mark.parametrize("name", GENERATING)
def test_a_generating_method_expects_some_time_of_itself(name, tiny_real, make_context):
    method = few_steps(name).resolve(tiny_real.card, 1)
    assert isinstance(method, TellsTime)
    seconds = method.seconds(tiny_real.card, 1, make_context())
    assert seconds is not None
    assert 0 < seconds < 3600


@pytest.mark.parametrize("name", GENERATING)
def test_no_weights_are_fetched_to_tell_the_time(name, tiny_real, make_context, monkeypatch):
    monkeypatch.setattr(type(GENERATORS["embedded"]), "present", lambda self: False)
    ctx = make_context()
    assert few_steps(name).resolve(tiny_real.card, 1).seconds(tiny_real.card, 1, ctx) is None
    assert ctx.artefacts.asked == []


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_set(name, tiny_real, make_context):
    one, other = (pixels_of(distil(name, tiny_real, 3, make_context(seed=7))) for _ in range(2))
    assert (one == other).all()


@pytest.mark.parametrize("name", STOCHASTIC)
def test_another_seed_gives_another_set(name, tiny_real, make_context):
    first = make_context()  # whose artefacts all seeds share
    contexts = [make_context(seed=s, like=first) for s in range(6)]
    sets = [pixels_of(distil(name, tiny_real, 3, ctx)) for ctx in contexts]
    assert len({pixels.tobytes() for pixels in sets}) > 1


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(STOCHASTIC)))
def test_a_method_without_randomness_ignores_the_seed(name, tiny_real, make_context):
    sets = [pixels_of(distil(name, tiny_real, 3, make_context(seed=s))) for s in range(3)]
    assert len({pixels.tobytes() for pixels in sets}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_real_set_is_not_modified(name, tiny_real, make_context):
    labels, pixels = tiny_real.train.labels.copy(), tiny_real.train.images.pixels.copy()
    distil(name, tiny_real, 2, make_context())
    assert (tiny_real.train.labels == labels).all()
    assert (tiny_real.train.images.pixels == pixels).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_of_the_context_is_what_was_announced(name, tiny_real, make_context):
    ctx = make_context()
    method = few_steps(name).resolve(tiny_real.card, 2)
    method.distill(tiny_real, 2, ctx)
    asked = [artefact for artefact in ctx.artefacts.asked if not isinstance(artefact, Samples)]
    assert tuple(dict.fromkeys(asked)) == method.needs(tiny_real.card, 2)


@pytest.mark.parametrize("name", NAMES)
def test_resolving_twice_changes_nothing(name, tiny_real):
    once = METHODS[name].resolve(tiny_real.card, 2)
    assert once.resolve(tiny_real.card, 2) == once


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_a_frozen_value(name):
    assert dataclasses.is_dataclass(METHODS[name])
    assert hash(METHODS[name]) == hash(dataclasses.replace(METHODS[name]))


@pytest.mark.parametrize("name", CHOOSING_IPC)
def test_an_ipc_above_the_smallest_class_is_refused_before_and_during_the_work(
    name, make_real, make_context
):
    real = make_real((6, 4, 6))
    with pytest.raises(UsageError, match=r"IPC 5 .*'n01' of 'tiny' has 4.* at most 4"):
        METHODS[name].resolve(real.card, 5)
    with pytest.raises(UsageError, match=r"IPC 5 .*'n01' of 'tiny' has 4.* at most 4"):
        METHODS[name].distill(real, 5, make_context())


@pytest.mark.parametrize("name", WITH_IPC)
@pytest.mark.parametrize("ipc", [0, -1, None])
def test_an_ipc_below_one_is_refused(name, ipc, tiny_real):
    with pytest.raises(UsageError, match=rf"IPC .* at least 1, got {ipc}\."):
        METHODS[name].resolve(tiny_real.card, ipc)


@pytest.mark.parametrize("name", CHOOSING_IPC)
def test_classes_of_different_sizes_all_give_ipc_images(name, make_real, make_context, chosen_from):
    real = make_real((5, 9, 4))
    distilled = distil(name, real, 4, make_context())
    assert np.bincount(distilled.labels).tolist() == [4, 4, 4]
    assert [int(real.train.labels[i]) for i in chosen_from(distilled)] == distilled.labels.tolist()
