"""Methods with tuned weights: what they share with the base, and what a tuning may change."""

import dataclasses

import numpy as np
import pytest
import torch

from bench import specs
from bench.artefacts import key
from bench.errors import BenchError, UsageError
from bench.generators import GENERATORS
from bench.generators.training.stage import Watch
from bench.preparation.block_features import BlockFeatures
from bench.preparation.latents import RealLatents
from bench.tuning import learner, shipped
from bench.tuning.files import CHOSEN, TUNED, read_chosen, read_tuned, write_chosen
from bench.tuning.run import FACTS, Tuned, TunedRun, mean_losses
from methods import METHODS, PRESETS
from methods.igd import usual_strengths

FEW = {"steps": "3", "scheduler": "ddim"}
SHORT = "epochs=1,tune_batch=6"


def method_of(weights, name="dit", **fields):
    return specs.override(METHODS[name], FEW | {"weights": weights} | fields, name)


def images_of(method, real, ctx, ipc=2):
    distilled = method.resolve(real.card, ipc).distill(real, ipc, ctx)
    return np.stack([distilled.images.decode(index) for index in range(len(distilled))])


def tuned_by(method, real, seed=0):
    sampling = method.resolve(real.card, 2).sampling
    return sampling.network(real.card, seed)


@pytest.mark.parametrize("tuning", ["minimax", "im", "ims3"])
def test_a_tuning_of_no_steps_gives_the_images_of_the_base_bit_for_bit(
    tuning, tiny_real, make_context
):
    plain = images_of(method_of("pretrained"), tiny_real, make_context())
    tuned = images_of(method_of(f"{tuning}[epochs=0]"), tiny_real, make_context())
    assert np.array_equal(plain, tuned)


@pytest.mark.parametrize("tuning", ["minimax", "im", "ims3"])
def test_a_tuning_changes_the_images_and_leaves_the_base_as_it_was(
    tuning, tiny_real, make_context, generator
):
    before = {name: value.clone() for name, value in generator.transformer.state_dict().items()}
    plain = images_of(method_of("pretrained"), tiny_real, make_context())
    tuned = method_of(f"{tuning}[{SHORT},lr=0.1,average=raw]")
    changed = images_of(tuned, tiny_real, make_context())
    after = generator.transformer.state_dict()
    assert not np.array_equal(plain, changed)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(module._forward_hooks for module in generator.transformer.modules())
    assert np.array_equal(plain, images_of(method_of("pretrained"), tiny_real, make_context()))


def test_last_weights_and_their_average_come_from_one_training(tiny_real, make_context):
    ctx = make_context()
    raw, average = (
        tuned_by(method_of(f"minimax[{SHORT},decay=0.5,average={kind}]"), tiny_real)
        for kind in ("raw", "ema")
    )
    assert raw.run == average.run
    assert key(raw) != key(average)
    folder = ctx.get(raw.run)["folder"]
    last = read_tuned(folder, raw.run.identity, average=False)
    mean = read_tuned(folder, raw.run.identity, average=True)
    assert last.keys() == mean.keys()
    assert any(not torch.equal(last[name], mean[name]) for name in last)


def test_one_tuning_serves_all_distillation_seeds_unless_each_is_to_have_its_own(tiny_real):
    shared = method_of(f"minimax[{SHORT}]")
    own = method_of(f"minimax[{SHORT},tune_per_seed=true]")
    assert tuned_by(shared, tiny_real, 0) == tuned_by(shared, tiny_real, 1)
    assert tuned_by(own, tiny_real, 0) == tuned_by(shared, tiny_real)
    assert tuned_by(own, tiny_real, 1).run.seed == 1
    other = method_of(f"minimax[{SHORT},tune_seed=1]")
    assert tuned_by(other, tiny_real) == tuned_by(own, tiny_real, 1)


def test_a_tuning_per_seed_is_made_by_the_seed_that_needs_it(tiny_real, make_context):
    method = method_of(f"minimax[{SHORT},tune_per_seed=true,lr=0.1]")
    ctx = make_context(seed=3)
    images_of(method, tiny_real, ctx)
    runs = [artefact.run for artefact in ctx.artefacts.asked if isinstance(artefact, Tuned)]
    built = ctx.artefacts.store
    assert built.has(tuned_by(method, tiny_real, 3))
    assert not built.has(tuned_by(method, tiny_real, 0))
    assert {run.seed for run in runs} <= {3}


@pytest.mark.parametrize(("labels", "numbers"), [("class", [1, 2, 0]), ("rank", [0, 1, 2])])
def test_classes_are_learned_by_their_own_numbers_and_by_rank_only_if_asked(
    labels, numbers, tiny_real, make_context, monkeypatch
):
    seen = []

    class Looking(learner.TuningLearner):
        def __init__(self, transformer, tuning, source, *rest):
            seen.append(source.numbers.tolist())
            super().__init__(transformer, tuning, source, *rest)

    monkeypatch.setattr(learner, "TuningLearner", Looking)
    tuned = tuned_by(method_of(f"minimax[{SHORT},labels={labels}]"), tiny_real)
    make_context().get(tuned)
    assert seen == [numbers]  # the generator knows n02, n00 and n01, in this order


def test_a_class_map_decides_the_numbers(make_real, make_context, monkeypatch, generator):
    real = make_real((6, 6, 6))
    method = method_of(f"minimax[{SHORT}]", class_map="(n00:n02,n02:n00)")
    run = tuned_by(method, real).run
    assert run._numbers(real.card, generator) == [0, 2, 1]


def test_a_killed_tuning_goes_on_to_the_same_weights(tiny_real, make_context, tmp_path):
    run = tuned_by(method_of("ims3[epochs=4,tune_batch=6]"), tiny_real).run

    def until(step):
        def report(done, *rest):
            if done == step:
                raise KeyboardInterrupt

        return Watch(checkpoint_every=2, report_every=1, report=report)

    def train(name, *stops):
        folder = tmp_path / name
        folder.mkdir()
        for stop in stops:
            with pytest.raises(KeyboardInterrupt):
                run.train(make_context().for_artefact(run.seed, folder), folder, until(stop))
        run.train(make_context().for_artefact(run.seed, folder), folder, until(None))
        return (folder / TUNED).read_bytes()

    assert train("whole") == train("killed", 5, 9)


@pytest.mark.parametrize(
    "name", ["mgd3", "manifoldgd", "igd", "dap", "s3"], ids=lambda name: f"{name}+minimax"
)
def test_every_sampler_takes_tuned_weights(name, tiny_real, make_context):
    short = {"surrogate_epochs": "1"} if name == "igd" else {}
    plain, tuned = (
        images_of(method_of(weights, name, **short), tiny_real, make_context())
        for weights in ("pretrained", f"minimax[{SHORT},lr=0.1,average=raw]")
    )
    assert not np.array_equal(plain, tuned)


def test_latents_are_shared_and_features_are_not(tiny_real):
    def needed(weights):
        method = method_of(weights, "dap").resolve(tiny_real.card, 2)
        return {type(need): need for need in method.needs(tiny_real.card, 2)}

    plain, tuned = needed("pretrained"), needed(f"minimax[{SHORT}]")
    assert plain[RealLatents] == tuned[RealLatents]
    assert key(plain[BlockFeatures]) != key(tuned[BlockFeatures])
    assert tuned[BlockFeatures].needs()[0] == tuned[Tuned]


def test_dap_refuses_weights_that_differ_from_seed_to_seed(tiny_real):
    with pytest.raises(UsageError, match="leave it off"):
        method_of("minimax[tune_per_seed=true]", "dap").resolve(tiny_real.card, 2)


def test_minimax_igd_has_the_strengths_of_its_own_row(tiny_real):
    """Table 7 of the paper: influence and deviation, at IPC 10, 50 and 100."""
    for name, few, many in (("imagenette", (15, 10), (15, 10)), ("imagewoof", (10, 50), (10, 100))):
        card = dataclasses.replace(tiny_real.card, name=name)
        assert usual_strengths(card, 10, minimax=True) == few
        assert usual_strengths(card, 50, minimax=True) == many
    igd = PRESETS["igd/minimax"].resolve(tiny_real.card, 2)
    assert igd.influence == 15.0


def test_the_average_of_a_hub_generator_is_as_long_as_the_codes(tiny_real, monkeypatch):
    made = GENERATORS["embedded"]
    monkeypatch.setitem(GENERATORS, "other", made)
    resolved = method_of("minimax[tune_batch=6]", generator="other").resolve(tiny_real.card, 2)
    assert resolved.sampling.weights.decay == 0.9999
    own = method_of("minimax[tune_batch=1]").resolve(tiny_real.card, 2).sampling.weights
    assert own.decay == pytest.approx(1 - 10 / own.steps(tiny_real.card))


@pytest.mark.parametrize("kept", [0, 40, -8])
def test_damaged_weights_are_refused_in_one_sentence(kept, tiny_real, make_context):
    ctx = make_context()
    tuned = tuned_by(method_of(f"minimax[{SHORT}]"), tiny_real)
    ctx.get(tuned)
    path = ctx.artefacts.store.path(tuned) / CHOSEN
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BenchError, match="delete their folder") as caught:
        make_context(like=ctx).get(tuned)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_another_training_are_refused(tiny_real, make_context):
    ctx = make_context()
    tuned = tuned_by(method_of(f"minimax[{SHORT}]"), tiny_real)
    other = tuned_by(method_of(f"im[{SHORT}]"), tiny_real)
    ctx.get(tuned)
    ctx.get(other)
    paths = [ctx.artefacts.store.path(one) / CHOSEN for one in (tuned, other)]
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(BenchError, match="should hold the weights of tuning"):
        make_context(like=ctx).get(tuned)


def test_a_training_that_the_package_brings_is_not_done_again(
    tiny_real, make_context, tmp_path, monkeypatch
):
    run = tuned_by(method_of(f"minimax[{SHORT}]"), tiny_real).run
    ctx = make_context()
    trained = ctx.get(run)["folder"]
    brought = tmp_path / shipped.name_of(run)
    brought.write_bytes((trained / TUNED).read_bytes())
    brought.with_suffix(".json").write_bytes((trained / FACTS).read_bytes())
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    monkeypatch.setattr(TunedRun, "train", None)
    fresh = make_context()
    assert run.ready
    assert (fresh.get(run)["folder"] / TUNED).read_bytes() == brought.read_bytes()


def test_a_set_smaller_than_a_batch_is_refused(make_real):
    with pytest.raises(UsageError, match=r"at least `tune_batch` \(8\) training images, got the 6"):
        METHODS["minimax"].resolve(make_real((2, 2, 2)).card, 1)


def test_a_generator_of_prompts_is_refused(tiny_real):
    method = specs.override(METHODS["minimax"], {"generator": "sd-v1-5"}, "minimax")
    with pytest.raises(UsageError, match="conditioned on text"):
        method.resolve(tiny_real.card, 1)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("minimaxx", "Did you mean 'minimax'"),
        ("minimax[memory=0]", "`memory` must be at least 1, got 0"),
        ("minimax[diverse=-1]", "`diverse` must be at least 0"),
        ("minimax[drop=1.5]", "`drop` must lie between 0 and 1"),
        ("im[pairing=some]", "one of 'diagonal', 'all'"),
        ("im[inversion_steps=0]", "`inversion_steps` must be at least 1"),
        ("pretrained[epochs=1]", "has no fields"),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(weights, words):
    with pytest.raises(UsageError) as caught:
        method_of(weights)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_facts_of_a_training_hold_mean_losses_in_order():
    lines = [{"step": step + 1.0, "loss": float(step)} for step in range(45)]
    found = mean_losses(lines)["loss"]
    assert len(found) == 15  # parts of three steps
    assert found[:2] == [1.0, 4.0]
    assert mean_losses(lines[:7])["loss"] == [float(step) for step in range(7)]
    assert mean_losses([]) == {}


@pytest.mark.parametrize("damage", ["flipped", "not finite", "another network's"])
def test_changed_weights_are_refused_in_one_sentence(damage, tiny_real, make_context):
    ctx = make_context()
    tuned = tuned_by(method_of(f"minimax[{SHORT}]"), tiny_real)
    ctx.get(tuned)
    folder = ctx.artefacts.store.path(tuned)
    path = folder / CHOSEN
    if damage == "flipped":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        words = "other values than were written"
    else:
        tensors = read_chosen(folder, tuned.run.identity)
        name = sorted(tensors)[0]
        bad = torch.full_like(tensors[name], float("nan"))
        tensors[name] = bad if damage == "not finite" else tensors[name][:1]
        write_chosen(folder, tuned.run.identity, tensors)
        words = "that is not finite" if damage == "not finite" else "are not those of 'embedded'"
    with pytest.raises(BenchError, match=words) as caught:
        make_context(like=ctx).get(tuned)
    assert "\n" not in str(caught.value)


def test_ranks_are_those_of_the_sorted_listing(make_real, generator):
    real = make_real((6, 6, 6))
    card = dataclasses.replace(real.card, classes=("n02", "n00", "n01"))
    run = tuned_by(method_of(f"minimax[{SHORT},labels=rank]"), real).run
    assert run._numbers(card, generator) == [2, 0, 1]


def test_spaces_and_order_in_a_class_map_change_nothing(make_real):
    real = make_real((6, 6, 6))
    runs = [
        tuned_by(method_of(f"minimax[{SHORT}]", class_map=text), real).run
        for text in ("(n00:n02,n02:n00)", "( n02 : n00 , n00:n02 )")
    ]
    assert runs[0] == runs[1]
    ranked = method_of(f"minimax[{SHORT},labels=rank]", class_map="(n00:n02,n02:n00)")
    assert tuned_by(ranked, real).run.class_map == ()


def test_a_step_that_would_invert_nothing_is_refused(tiny_real):
    with pytest.raises(UsageError, match="inversion=chain,offset=0"):
        method_of("im[offset=0,tune_batch=6]").resolve(tiny_real.card, 1)
    method_of("im[offset=0,inversion=chain,tune_batch=6]").resolve(tiny_real.card, 1)


def test_a_training_tells_its_time_once_the_real_set_is_encoded(tiny_real, make_context):
    run = tuned_by(method_of(f"minimax[{SHORT}]"), tiny_real).run
    ctx = make_context()
    assert run.seconds(ctx) is None
    ctx.get(run.posteriors())
    told = run.seconds(make_context(like=ctx))
    assert told is not None
    assert told > 0.0
