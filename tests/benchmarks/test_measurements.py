from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import ttest_ind

from bench.backbones import ConvNet
from bench.training.compiling import step_flops
from benchmarks import accuracy
from benchmarks.accuracy import verdict
from benchmarks.bare_step import BareStep, NotCompiled, compiled_step, matmul_rate
from benchmarks.cases import CASES, Case, chosen
from benchmarks.clock import Deadline, seconds_per_call
from benchmarks.equivalence import Difference
from benchmarks.hard_table import IPCS, STUDENTS, estimate_lines, steps_of, training_seconds
from benchmarks.table import Figures, cells, page

CPU = torch.device("cpu")
FIRST, SECOND = [61.2, 60.4, 62.0, 59.8, 61.1], [60.9, 61.5, 60.0, 61.9]


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_that_of_scipy(confidence):
    theirs = ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval(confidence)
    ours = Difference.of(FIRST, SECOND).interval(confidence)
    assert ours == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("margin", [0.5, 2.0])
def test_equivalence_is_the_worse_of_two_one_sided_tests(margin):
    above = ttest_ind([v + margin for v in FIRST], SECOND, equal_var=False, alternative="greater")
    below = ttest_ind([v - margin for v in FIRST], SECOND, equal_var=False, alternative="less")
    expected = max(above.pvalue, below.pvalue)
    assert Difference.of(FIRST, SECOND).equivalence(margin) == pytest.approx(expected)
    assert Difference.of(SECOND, FIRST).equivalence(margin) == pytest.approx(expected)


def test_with_equal_variances_and_lengths_the_degrees_of_freedom_are_those_of_student():
    difference = Difference.of([1.0, 2.0, 3.0], [5.0, 6.0, 7.0])
    assert difference.mean == pytest.approx(-4.0)
    assert difference.error == pytest.approx(math.sqrt(2 / 3))
    assert difference.freedom == pytest.approx(4.0)


def test_a_difference_beyond_the_margin_is_never_equivalent():
    assert Difference.of([10.0, 11.0], [20.0, 21.0]).equivalence(2.0) > 0.5


@pytest.mark.parametrize("lists", [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_lists_that_say_nothing_of_chance_are_refused(lists):
    with pytest.raises(ValueError, match="list"):
        Difference.of(*lists)


def test_a_call_takes_the_time_that_it_takes_and_is_counted_once_at_least():
    calls = []
    seconds = seconds_per_call(lambda: calls.append(None), CPU, budget=0.0, warm_up=3)
    assert len(calls) == 4
    assert 0.0 < seconds < 1.0


def test_a_matrix_product_has_a_rate():
    assert matmul_rate("fp32", CPU, budget=0.0) > 1e8


def test_a_bare_epoch_has_the_batches_of_a_real_one():
    case = Case(ConvNet(1, width=2), 4, ipc=10)
    step, sizes = BareStep(case.network(), case.recipe("fp32"), CPU), []
    step.model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    step.epoch(case.num_images)
    assert sizes == [64, 36]


def test_where_nothing_compiles_the_reason_is_told(monkeypatch):
    def uncompiled(model, dynamic):
        def forward(images):
            raise torch._dynamo.exc.TorchDynamoException("no C++ compiler\nand a long story")

        return forward

    monkeypatch.setattr(torch, "compile", uncompiled)
    case = Case(ConvNet(1, width=2), 4, ipc=10)
    with pytest.raises(NotCompiled, match=r"^no C\+\+ compiler$"):
        compiled_step(case.network(), case.recipe("fp32"), CPU)


def test_without_a_gpu_only_small_cases_are_measured_unless_asked():
    assert {case.resolution for case in chosen("auto", CPU)} == {32}
    assert chosen("all", CPU) == CASES
    assert {case.resolution for case in chosen("auto", torch.device("cuda"))} == {32, 224}
    with pytest.raises(ValueError, match="'huge'"):
        chosen("huge", CPU)


def test_a_case_trains_by_the_published_recipe():
    assert {(case.ipc, case.recipe("fp32").epochs) for case in CASES} == {(10, 2000), (50, 1500)}
    assert {case.recipe("fp32").batch for case in CASES} == {64}


def test_the_updates_of_a_training_are_the_published_ones():
    assert [steps_of(ipc) for ipc in (10, 50, 100)] == [4_000, 12_000, 16_000]


def test_the_full_hard_table_adds_up():
    assert training_seconds(20, {10: 0.5, 50: 9.0}, 2.0) == 4 * 1500 * 0.5 + 100 * 2.0
    steps = sum(steps_of(ipc) for ipc in IPCS)
    per_step = {student: {10: 0.36} for student in STUDENTS}
    (line,) = estimate_lines(per_step, dict.fromkeys(STUDENTS, 0.0))
    assert f"{3 * 2 * 3 * steps * 0.36 / 3600:.2f} h" in line
    (line,) = estimate_lines({}, {})
    assert "not estimated" in line


def test_the_table_shows_ratios_and_leaves_out_what_was_not_measured():
    case, other = CASES[:2]
    key, eager_only = (case, "fp32"), (other, "fp32")
    figures = Figures(
        engine={key: 3000.0, eager_only: 2000.0},
        compiled={key: 6000.0},
        reference={key: 1000.0, eager_only: 500.0},
        bare={key: 4000.0},
        bare_compiled={key: 8000.0},
        matmul={"fp32": 1e12},
        notes=["Out of time."],
    )
    lines = page([case, other], figures, CPU)
    measured, missing = (line for line in lines if line.startswith("| convnet3 width 64 @ 32"))
    assert "| 3,000 | 6,000 | 1,000 | 4,000 | 8,000 | 6.00 | 0.75 | 0.75 |" in measured
    assert "| 2,000 | - | 500 | - | - | 4.00 | - | - |" in missing
    assert "Out of time." in lines


def test_on_a_gpu_the_share_of_the_matmul_rate_is_shown():
    case, gpu = CASES[0], torch.device("cuda")
    flops = step_flops(case.network(), 1, 32)
    rate = 0.25e12 / flops
    engine = {(case, "tf32"): rate, (case, "bf16"): 2 * rate}
    figures = Figures(engine=engine, matmul={"tf32": 1e12, "bf16": 1e12})
    rows = [cells(case, kind, figures, gpu) for kind in ("tf32", "bf16")]
    assert [row["engine of matmul"] for row in rows] == ["25.0%", "50.0%"]


def test_a_deadline_runs_out():
    assert 99.0 < Deadline(100.0).left() <= 100.0
    assert Deadline(0.0).left() <= 0.0


def test_all_arms_are_compared_with_the_first():
    first, *others = verdict({"engine": FIRST, "same": FIRST, "other": [v - 9 for v in SECOND]})[2:]
    assert "- other:" in first
    assert others[0].startswith("- same - engine: +0.00 points")
    assert "not shown" not in others[0]
    assert "not shown to be equivalent" in others[1]


@pytest.mark.parametrize("arms", ["engine", "engine,engine", "engine,fast", ""])
def test_arms_that_cannot_be_compared_are_refused(arms, capsys):
    with pytest.raises(SystemExit, match="2"):
        accuracy.main(["folder", "--arms", arms])
    assert "two or more of reference, engine" in capsys.readouterr().err
