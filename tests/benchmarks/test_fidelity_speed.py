from functools import partial

import pytest
import torch

from benchmarks import fidelity_network, fidelity_speed
from benchmarks.clock import Deadline
from benchmarks.fidelity_network import COMPILED, EAGER, THEIRS, Rates, measure_network
from benchmarks.fidelity_speed import Distance, best, cells, main, measure_distance

CPU = torch.device("cpu")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("images", [6, 40])
def test_both_programs_compute_one_distance(images):
    found = measure_distance(images, 16, CPU, Deadline(0.0))
    assert found.difference < 1e-3
    assert min(found.theirs, found.first, found.ours) > 0.0


def test_the_factor_is_how_many_times_as_fast_ours_is():
    row = cells(Distance(1000, 2048, theirs=30.0, first=2.0, ours=0.5, difference=2e-9))
    assert row == {
        "images": "1,000",
        "features": "2,048",
        "pytorch-fid, s": "30",
        "ours, s": "0.5",
        "ours at first, s": "2",
        "factor": "60.0",
        "difference": "2e-09",
    }


@pytest.mark.parametrize(("left", "calls"), [(100.0, 3), (0.0, 1)])
def test_the_best_of_three_calls_counts_or_what_time_allows(left, calls, monkeypatch):
    clock, results = Clock(), iter("abc")
    monkeypatch.setattr(fidelity_speed, "perf_counter", clock)
    monkeypatch.setattr(Deadline, "left", lambda self: self.seconds - clock.now)
    lasting = iter([5.0, 2.0, 3.0])

    def work():
        clock.wait(next(lasting))
        return next(results)

    assert best(work, CPU, 3, Deadline(left)) == {3: (2.0, "c"), 1: (5.0, "a")}[calls]


def test_the_page_has_a_row_for_either_form_of_the_distance(monkeypatch, capsys):
    monkeypatch.setattr(fidelity_speed, "MANY", 20)
    assert main(["--images", "10", "--dimension", "12", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "| 10 | 12 |" in out
    assert "| 20 | 12 |" in out
    assert "wanted: a factor of 4" in out


def test_without_time_there_is_one_row_and_no_network(monkeypatch, capsys):
    monkeypatch.setattr(fidelity_speed, "measure_network", None)  # must not be called
    arguments = ["--images", "10", "--dimension", "12", "--device", "cpu", "--network"]
    assert main([*arguments, "--minutes", "0"]) == 0
    assert "| 5,000 |" not in capsys.readouterr().out


def test_both_passes_give_the_features_of_one_network(tmp_path, monkeypatch):
    monkeypatch.setattr(fidelity_network, "ROUNDS", 1)
    monkeypatch.setattr(fidelity_network, "SIDE", 40)
    found = measure_network(tmp_path, CPU, Deadline(0.0), images=2, workers=0)
    assert set(found.rates) == {THEIRS, EAGER}  # no time is left for compiling
    assert found.difference < 1e-4
    assert found.cells()[f"{COMPILED}, images/s"] == "-"


def test_a_rate_is_that_of_the_best_turn(monkeypatch):
    clock, found = Clock(), Rates(images=10)
    monkeypatch.setattr(fidelity_network, "perf_counter", clock)
    for seconds in (5.0, 2.0, 10.0):
        found.turn(EAGER, partial(clock.wait, seconds))
    assert found.rates == {EAGER: 5.0}
