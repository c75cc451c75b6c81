from __future__ import annotations

import copy
import shutil
from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.streams import Streams
from bench.training import compiling, learner
from bench.training.checkpoint import read_facts
from bench.training.compiling import (
    CompiledNetwork,
    Compiling,
    forward_flops,
    step_flops,
    typical_seconds,
)
from bench.training.examples import Examples
from bench.training.loop import Keeping, train
from bench.training.recipe import Recipe
from bench.training.targets import FromTeacher

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
RECIPE = Recipe(resolution=8, lr=0.05, weight_decay=5e-4, epochs=3, batch=4, evaluations=3)
ALWAYS = Compiling("always")
needs_compiler = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler"
)
# While it compiles, torch warns of its own deprecations and, on Python 3.13.0, of slow guards.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Guards may run:RuntimeWarning"
)


def network(dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])),
        nn.Flatten(),
        nn.Linear(144, 2),
    )


def examples(num=10):
    images = torch.randint(256, (num, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return Examples(images.to(torch.uint8), torch.arange(num) % 2)


def run(model, compiling=None, recipe=RECIPE, **options):
    given = (examples(), examples(9), recipe, Streams((0, 0)), CPU)
    return train(model, *given, compiling=compiling, **options)


@pytest.fixture
def traced(monkeypatch):
    """Compile without generating code, which takes a compiler and its time."""
    compile = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda model, dynamic, options: compile(model, backend="aot_eager")
    )
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch.compiler.reset()


@needs_compiler
def test_compiling_changes_rounding_only(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    eager, compiled = network(), network()
    plain, made = run(eager), run(compiled, ALWAYS)
    assert (plain.compiled, made.compiled) == (False, True)
    assert made.loss == pytest.approx(plain.loss, rel=1e-4)
    for name, value in eager.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], value, rtol=1e-3, atol=1e-4)


def test_dropout_follows_from_the_seeds_when_compiled_too(traced):
    first, again = network(0.3), network(0.3)
    assert run(first, ALWAYS) == run(again, ALWAYS)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )
    assert run(network(0.3), ALWAYS).loss != run(network(), ALWAYS).loss


def test_students_of_one_shape_share_what_is_compiled(traced):
    first, second = network(), network()
    run(first, ALWAYS)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    run(second, ALWAYS)
    # A batch of 4 and a last one of 2 to learn, and one test batch.
    assert graphs == 3
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs


def test_a_short_last_test_batch_is_tested_in_the_shape_of_the_others(traced, monkeypatch):
    monkeypatch.setitem(learner.TEST_PIXELS, "cpu", 4 * 64)  # 4, 4 and 1 of 9
    parts = run(network(), ALWAYS)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 3
    assert parts.accuracy == run(network()).accuracy


def test_what_is_kept_does_not_say_whether_it_was_compiled(traced, tmp_path):
    keeping = Keeping(tmp_path / "student.safetensors", every=0.0)
    compiled = run(network(), ALWAYS, keeping=keeping)
    assert read_facts(keeping.path)["epoch"] == 2
    resumed = run(network(), keeping=keeping)
    assert resumed.loss == pytest.approx(compiled.loss, rel=1e-4)


def test_without_a_compiler_the_training_goes_on_and_says_so(monkeypatch):
    def fails(images):
        raise torch._dynamo.exc.TorchDynamoException("No working C++ compiler found.\nMore.")

    monkeypatch.setattr(torch, "compile", lambda model, **options: fails)
    said, plain = [], run(network())
    curves = run(network(), Compiling("always", note=said.append))
    assert curves == plain
    assert said == [
        "Training goes on uncompiled, as torch cannot compile here: No working C++ compiler found."
    ]


def test_other_errors_of_a_network_are_not_taken_for_those_of_a_compiler(monkeypatch):
    def fails(images):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch, "compile", lambda model, **options: fails)
    with pytest.raises(torch.OutOfMemoryError):
        CompiledNetwork(network())(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(("wish", "wanted"), [("always", True), ("never", False), ("auto", False)])
def test_a_wish_is_followed_and_a_short_training_is_not_compiled(wish, wanted):
    assert Compiling(wish).wanted(network(), RECIPE, 10, CPU) is wanted


def test_auto_counts_all_trainings_that_share_the_code():
    model = network()
    one = typical_seconds(model, RECIPE, 10, CPU)
    needed = int(compiling.PAYS_FROM / one) + 1
    assert Compiling("auto", needed).wanted(model, RECIPE, 10, CPU)
    assert not Compiling("auto", needed // 2).wanted(model, RECIPE, 10, CPU)


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_the_typical_time_grows_with_the_epochs(device):
    model, longer = network(), replace(RECIPE, epochs=30)
    assert typical_seconds(model, longer, 10, device) == pytest.approx(
        10 * typical_seconds(model, RECIPE, 10, device)
    )


def test_on_a_gpu_many_small_updates_cost_their_launches():
    assert typical_seconds(network(), RECIPE, 10, CUDA) == pytest.approx(
        3 * 3 * compiling.GPU_UPDATE
    )


def test_the_arithmetic_of_a_step_is_counted_and_the_network_left_alone():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    before = copy.deepcopy(model.state_dict())
    convolution, linear = 2 * 27 * 4 * 36, 2 * 144 * 2
    # Forward, gradients of the weights, and of the inputs of all but the first layer.
    assert step_flops(model, 5, 8) == 5 * (2 * convolution + 3 * linear)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def teacher():
    return network().eval().requires_grad_(False)


def asking(asked, resolution=0):
    return FromTeacher(asked, 4.0, False, "fp32", resolution=resolution)


def test_the_arithmetic_of_asking_is_that_of_one_forward_pass():
    expected = 2 * 27 * 4 * 36 + 2 * 144 * 2
    asked = teacher()
    assert forward_flops(asked, 8) == expected
    assert asking(asked, 8).flops == expected
    assert asking(asked).flops == 0
    assert not asked.training


def test_what_is_asked_counts_in_the_typical_time():
    alone, model = step_flops(network(), 1, 8), network()
    assert typical_seconds(model, RECIPE, 10, CPU, extra=2 * alone) == pytest.approx(
        3 * typical_seconds(model, RECIPE, 10, CPU)
    )
    needed = int(compiling.PAYS_FROM / typical_seconds(model, RECIPE, 10, CPU)) // 2
    assert not Compiling("auto", needed).wanted(model, RECIPE, 10, CPU)
    assert Compiling("auto", needed).wanted(model, RECIPE, 10, CPU, extra=2 * alone)


def test_a_compiled_teacher_gives_its_own_answers_and_is_compiled_once(traced):
    asked = teacher()
    plain = run(network(), targets=asking(asked))
    compiled = run(network(), ALWAYS, targets=asking(asked))
    assert compiled.loss == pytest.approx(plain.loss, rel=1e-4)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    run(network(), ALWAYS, targets=asking(asked))
    # Two shapes that the teacher is asked about, beside the student's two and its test.
    assert graphs == 5
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs


def test_a_teacher_that_cannot_be_compiled_is_asked_as_it_is(monkeypatch):
    def fails(images):
        raise torch._dynamo.exc.TorchDynamoException("No such operator.")

    asked = teacher()
    monkeypatch.setattr(torch, "compile", lambda model, **_: fails if model is asked else model)
    said, plain = [], run(network(), targets=asking(asked))
    curves = run(network(), Compiling("always", note=said.append), targets=asking(asked))
    assert curves.loss == plain.loss
    assert said == [
        "The teacher goes on uncompiled, as torch cannot compile here: No such operator."
    ]
