from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.transforms.v2 import functional as images_functional

from bench.errors import BenchError
from bench.streams import Streams
from bench.training import learner, probe
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.loop import Keeping, train
from bench.training.loss import decay_groups, make_optimizer
from bench.training.numerics import precision
from bench.training.recipe import Recipe

CPU = torch.device("cpu")
STREAMS = Streams((0, 0))
RECIPE = Recipe(
    resolution=8, lr=0.05, weight_decay=5e-4, epochs=6, batch=4, evaluations=3, lighting=0.05
)
UNAUGMENTED = {
    "crop_scale": (1.0, 1.0),
    "flip": 0.0,
    "jitter": 0.0,
    "lighting": 0.0,
    "mix": "none",
}


def network(norm=nn.BatchNorm2d, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3),
            norm(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        )


def examples(num=10, weights=None, side=8):
    """Class 0 is dark, class 1 is bright."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(num) % 2
    images = torch.randint(96, (num, 3, side, side), generator=generator, dtype=torch.uint8)
    images += (140 * labels)[:, None, None, None].to(torch.uint8)
    return Examples(images, labels, weights)


def run(model=None, recipe=RECIPE, train_on=None, test_on=None, **options):
    model = network() if model is None else model
    options = {"streams": STREAMS, "device": CPU, **options}
    return train(model, train_on or examples(), test_on or examples(20), recipe, **options)


def state(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def test_a_separable_problem_is_learned():
    recipe = replace(RECIPE, epochs=40, lr=0.1, mix="none")
    assert run(recipe=recipe).accuracy[-1] == 100.0


@pytest.mark.parametrize("mix", ["cutmix", "mixup"])
def test_a_separable_problem_is_learned_from_mixed_images(mix):
    curves = run(recipe=replace(RECIPE, epochs=60, lr=0.1, mix=mix))
    assert curves.accuracy[-1] >= 90.0


def test_equal_seeds_give_equal_weights_and_curves():
    first, second, third = network(), network(), network()
    assert run(first) == run(second)
    assert torch.equal(state(first), state(second))
    run(third, streams=Streams((0, 1)))
    assert not torch.equal(state(first), state(third))


def test_the_curves_have_one_value_for_every_test():
    seen = []
    curves = run(recipe=replace(RECIPE, epochs=7), progress=lambda *done: seen.append(done))
    assert curves.epochs == (2, 4, 6, 7)
    assert len(curves.accuracy) == len(curves.loss) == 4
    assert curves.updates == 21
    assert seen == [(3 * epoch, 21) for epoch in range(1, 8)]


def test_an_epoch_holds_every_image_once_and_keeps_the_last_short_batch():
    model, sizes = network(), []
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    images = examples(10)
    training = Training(model, images, replace(RECIPE, **UNAUGMENTED), STREAMS, CPU)
    means = []
    model.register_forward_pre_hook(
        lambda module, inputs: means.extend(inputs[0].mean(dim=(1, 2, 3)).tolist())
    )
    training.epoch(0)
    assert sizes == [4, 4, 2]
    expected = learner.normalised(images.images).mean(dim=(1, 2, 3))
    assert sorted(means) == pytest.approx(sorted(expected.tolist()), abs=1e-4)


def test_the_order_changes_with_the_epoch_and_not_with_the_batch():
    def order(epoch, batch):
        seen = []
        model = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
        model.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[0][:, 0, 0, 0]))
        recipe = replace(RECIPE, batch=batch, **UNAUGMENTED)
        Training(model, examples(), recipe, STREAMS, CPU).epoch(epoch)
        return pytest.approx([value.item() for value in seen], abs=1e-4)

    assert order(0, 4) == order(0, 10).expected
    assert order(0, 4) != order(1, 4).expected


@pytest.mark.parametrize("decay_on", ["all", "matrices"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_unaugmented_training_equals_a_plain_loop(optimizer, decay_on):
    # Batch norm would leave the bias before it without gradient but for rounding errors, which
    # AdamW scales up.
    norm = functools.partial(nn.GroupNorm, 1)
    model, plain, data = network(norm), network(norm), examples(6)
    recipe = replace(
        RECIPE, optimizer=optimizer, decay_on=decay_on, weight_decay=0.1, batch=6, **UNAUGMENTED
    )
    run(model, recipe, train_on=data)

    matrices = [plain[0].weight, plain[5].weight]
    others = [plain[0].bias, *plain[1].parameters(), plain[5].bias]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": others, "weight_decay": 0.1 if decay_on == "all" else 0.0},
    ]
    if optimizer == "sgd":
        reference = torch.optim.SGD(groups, lr=0.05, momentum=0.9)
    else:
        reference = torch.optim.AdamW(groups, lr=0.05)
    inputs = images_functional.normalize(
        data.images / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    for rate in (0.05, 0.05, 0.05, 0.05, 0.01, 0.002):  # milestones 4 and 5 of 6 epochs
        for group in reference.param_groups:
            group["lr"] = rate
        reference.zero_grad()
        functional.cross_entropy(plain(inputs), data.labels).backward()
        reference.step()
    torch.testing.assert_close(state(model), state(plain), rtol=1e-4, atol=1e-5)


def test_a_test_changes_nothing_of_the_network():
    model = network()
    training = Training(model, examples(), RECIPE, STREAMS, CPU)
    training.epoch(0)
    before = state(model)
    training.test(examples(20))
    assert torch.equal(state(model), before)
    assert all(not parameter.grad.isnan().any() for parameter in model.parameters())


def test_more_tests_lead_to_the_same_network():
    often, seldom = network(), network()
    run(often, replace(RECIPE, evaluations=6))
    run(seldom, replace(RECIPE, evaluations=1))
    assert torch.equal(state(often), state(seldom))


def test_accuracy_is_in_percent_and_does_not_depend_on_the_test_batch(monkeypatch):
    class Bright(nn.Module):
        """Says class 1 where the red mean is above the threshold; class 2 never."""

        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, images):
            red = self.scale * images[:, 0].mean(dim=(1, 2))
            return torch.stack([-red, red, torch.full_like(red, -9.0)], dim=1)

    data = examples(9)
    wrong = Examples(data.images, torch.tensor([0, 1, 0, 1, 0, 1, 1, 0, 1]))
    training = Training(Bright(), data, RECIPE, STREAMS, CPU)
    assert training.test(data)[0] == 100.0
    top1, per_class = training.test(wrong)
    assert top1 == pytest.approx(100 * 6 / 9)
    assert per_class[:2] == pytest.approx((75.0, 60.0))
    assert per_class[2] != per_class[2]  # not a number: no image of that class
    monkeypatch.setitem(learner.TEST_PIXELS, "cpu", 2 * 64)
    assert training.test(wrong)[0] == top1


def test_an_image_of_weight_zero_is_not_learned():
    data = examples(6, weights=torch.tensor([2.0, 2.0, 2.0, 0.0, 0.0, 0.0]))
    other = Examples(data.images, torch.tensor([0, 1, 0, 0, 1, 0]), data.weights)
    first, second = network(nn.Identity), network(nn.Identity)
    run(first, train_on=data)
    run(second, train_on=other)
    assert torch.equal(state(first), state(second))


def test_every_parameter_decays_or_only_matrices():
    model = network()
    everything = decay_groups(model, RECIPE)
    assert [group["weight_decay"] for group in everything] == [5e-4]
    assert len(everything[0]["params"]) == 6
    matrices, rest = decay_groups(model, replace(RECIPE, decay_on="matrices"))
    assert matrices["weight_decay"] == 5e-4
    assert rest["weight_decay"] == 0.0
    assert {id(p) for p in matrices["params"]} == {id(model[0].weight), id(model[5].weight)}
    assert len(rest["params"]) == 4


def test_adamw_has_the_published_constants():
    optimizer = make_optimizer(network(), replace(RECIPE, optimizer="adamw"))
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    assert optimizer.defaults["eps"] == 1e-8


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_epoch():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls, self.linear = 0, nn.Linear(192, 2)

        def forward(self, images):
            self.calls += 1
            value = float("nan") if self.calls > 7 else 1.0  # three batches an epoch
            return self.linear(images.flatten(1)) * value

    with pytest.raises(BenchError, match=r"nan in epoch 3 of 6: lower `lr`"):
        run(Fails())


def test_a_lone_last_image_that_cannot_be_normalised_is_a_plain_error():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2))
    with pytest.raises(BenchError, match=r"\(9 images, batch=4, passes=1\): choose a"):
        run(model, train_on=examples(9))
    run(model, train_on=examples(10))


def test_other_value_errors_keep_their_words():
    class Odd(nn.Linear):
        def forward(self, images):
            raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        run(Odd(1, 1))


def test_running_out_of_memory_names_batch_and_resolution():
    class Greedy(nn.Linear):
        def forward(self, images):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(BenchError, match="batches of 4 images of 8 x 8 pixels: lower `batch`"):
        run(Greedy(1, 1))


def test_an_unresolved_recipe_is_refused():
    with pytest.raises(ValueError, match="`batch` is None"):
        run(recipe=replace(RECIPE, batch=None))


@pytest.mark.parametrize("numerics", ["tf32", "fp32", "bf16"])
def test_every_numerics_learns_and_leaves_the_global_settings_alone(numerics):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    recipe = replace(RECIPE, epochs=40, lr=0.1, mix="none", numerics=numerics)
    assert run(recipe=recipe).accuracy[-1] == 100.0
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_tf32_is_asked_for_on_a_gpu_only_and_put_back_after_an_error():
    def settings():
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = settings()
    with precision("tf32", torch.device("cuda")):
        assert settings() == ("high", True)
        with precision("fp32", torch.device("cuda")):
            assert settings() == ("highest", False)
        assert settings() == ("high", True)
    with precision("tf32", CPU):
        assert settings() == ("highest", False)
    with pytest.raises(RuntimeError), precision("tf32", torch.device("cuda")):
        raise RuntimeError
    assert settings() == before


def test_tf32_equals_fp32_on_a_cpu():
    first, second = network(), network()
    run(first, replace(RECIPE, numerics="tf32"))
    run(second, replace(RECIPE, numerics="fp32"))
    assert torch.equal(state(first), state(second))


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (torch.zeros(2, 3, 8, 8), torch.zeros(2), "uint8"),
        (torch.zeros(0, 3, 8, 8, dtype=torch.uint8), torch.zeros(0), "N > 0"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(3), "`labels` must hold one"),
    ],
)
def test_examples_say_what_they_need(images, labels, words):
    with pytest.raises(ValueError, match=words):
        Examples(images, labels)


def test_the_estimate_adds_all_steps_and_all_tests(monkeypatch):
    times = iter([0.5, 0.25])
    monkeypatch.setattr(probe, "_seconds", lambda work: (work(), next(times))[1])
    seconds = probe.estimate_seconds(network(), RECIPE, 10, 128, 2, CPU)
    # 10 / 4 steps in each of 6 epochs; 3 tests of 128 / 64 batches
    assert seconds == pytest.approx(2.5 * 6 * 0.5 + 3 * 2 * 0.25)


class KilledError(BaseException):
    """Stands for the end of a process."""


def killed_after(epochs):
    """Return a progress function that ends the process when so many epochs are done."""

    def progress(done, total):
        if done == epochs * total // RECIPE.epochs:
            raise KilledError

    return progress


def with_dropout(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.Dropout(0.5))


def test_dropout_follows_from_the_seeds_and_leaves_the_global_generator_alone():
    first, again, other = (network(with_dropout) for _ in range(3))
    torch.manual_seed(1)
    run(first)
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), drawn)
    torch.rand(50)
    run(again)
    run(other, streams=Streams((0, 1)))
    assert torch.equal(state(first), state(again))
    assert not torch.equal(state(first), state(other))


@pytest.mark.parametrize("content", [{}, {"model.0.weight": torch.zeros(2)}])
def test_a_checkpoint_of_something_else_is_one_sentence(tmp_path, content):
    from safetensors.torch import save_file

    keeping = Keeping(tmp_path / "student.safetensors", every=0.0)
    facts = '{"epoch": 1, "accuracy": [], "losses": [], "seconds": 1.0, "average_steps": 0}'
    save_file(content, keeping.path, {"facts": facts} if content else None)
    with pytest.raises(BenchError, match=r"student\.safetensors' cannot be read .*delete it"):
        run(keeping=keeping)


def test_a_network_of_tied_parameters_can_be_kept(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(192, 192)
            self.two = nn.Linear(192, 192)
            self.two.weight = self.one.weight

        def forward(self, images):
            return self.two(self.one(images.flatten(1)).relu())[:, :2]

    keeping = Keeping(tmp_path / "student.safetensors", every=0.0)
    run(Tied(), keeping=keeping)
    assert keeping.path.exists()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d, with_dropout])
def test_a_killed_training_goes_on_to_the_result_of_one_that_was_not(tmp_path, optimizer, norm):
    recipe = replace(RECIPE, optimizer=optimizer)
    keeping = Keeping(tmp_path / "kept" / "student.safetensors", every=0.0)
    given = (examples(), examples(6), recipe, STREAMS, CPU)
    whole, parts = network(norm), network(norm)
    expected = train(whole, *given)
    with pytest.raises(KilledError):
        train(parts, *given, killed_after(5), keeping)
    epochs, fresh = [], network(norm, seed=1)  # what it is resumed with does not matter
    curves = train(fresh, *given, lambda done, total: epochs.append(done), keeping)
    assert replace(curves, earlier_seconds=0.0) == expected
    assert curves.earlier_seconds > 0
    assert len(epochs) == 2  # the fifth epoch was not kept before the kill
    for name, value in whole.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value)


def test_a_training_is_kept_only_so_often(tmp_path):
    keeping = Keeping(tmp_path / "student.safetensors", every=3600.0)
    train(network(), examples(), examples(6), RECIPE, STREAMS, CPU, keeping=keeping)
    assert not keeping.path.exists()


def test_where_memory_runs_out_tests_take_smaller_batches_and_training_does_not():
    class Narrow(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.seen = network(nn.InstanceNorm2d), []

        def forward(self, images):
            if not self.training:
                self.seen.append(len(images))
                if len(images) > 3:
                    raise torch.OutOfMemoryError("CUDA out of memory.")
            return self.inner(images)

    narrow, plain = Narrow(), network(nn.InstanceNorm2d)
    given = (examples(), examples(9), RECIPE, STREAMS, CPU)
    assert train(narrow, *given) == train(plain, *given)
    assert narrow.seen[:7] == [9, 4, 2, 2, 2, 2, 1]
    assert narrow.seen[7:12] == narrow.seen[2:7]  # and stays with what was small enough
