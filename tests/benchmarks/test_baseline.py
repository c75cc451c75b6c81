import json
from pathlib import Path

import msgspec
import pytest
import torch

from bench.errors import BenchError, UsageError
from benchmarks import baseline, baseline_file, calibration
from benchmarks.baseline_file import Baseline, Conditions, Kernel, compared, read, write
from benchmarks.calibration import Measured, kernel, ratio
from benchmarks.items import ITEMS, context

CPU = torch.device("cpu")
HERE = Conditions("cpu (x86_64)", 2, "2.15.0", "3.11.7", "abc1234")


class Machine:
    """A clock that goes on as work says, at the pace of a machine that may change."""

    def __init__(self, pace=1.0):
        self.now, self.pace, self.calls = 0.0, pace, []

    def work(self, name, seconds):
        def run():
            self.calls.append(name)
            self.now += seconds * (self.pace() if callable(self.pace) else self.pace)

        return run


@pytest.fixture
def on(monkeypatch):
    """Measure on a machine whose kernel takes 0.1 s and whose work takes as long as is said."""

    def measured(machine, seconds, budget=2.0):
        monkeypatch.setattr(calibration, "perf_counter", lambda: machine.now)
        monkeypatch.setattr(calibration, "kernel", lambda device: machine.work("kernel", 0.1))
        return ratio(machine.work("work", seconds), CPU, budget)

    return measured


def test_a_machine_twice_as_slow_has_the_same_ratio(on):
    fast, slow = on(Machine(), 0.3), on(Machine(pace=2.0), 0.3)
    assert fast.ratio == pytest.approx(3.0)
    assert slow.ratio == pytest.approx(3.0)
    assert slow.seconds == pytest.approx(2 * fast.seconds)


def test_a_machine_that_slows_down_meanwhile_slows_both(on):
    machine = Machine()
    machine.pace = lambda: 1.0 + machine.now / 10.0
    found = on(machine, 0.1, budget=20.0)
    assert machine.pace() > 2.5
    assert found.ratio == pytest.approx(1.0, rel=0.02)
    assert found.low <= found.ratio <= found.high


def test_short_work_is_called_as_often_as_the_kernel_takes(on):
    machine = Machine()
    found = on(machine, 0.025, budget=0.0)
    assert found.seconds == pytest.approx(0.025)
    assert found.ratio == pytest.approx(0.25)
    # One call of each that does not count, one that says how often, then pairs in turns.
    pair = ["kernel"] + 4 * ["work"]
    assert machine.calls == 2 * ["kernel", "work"] + 5 * pair


def test_quartiles_are_those_of_the_pairs(monkeypatch):
    machine, seconds = Machine(), iter([1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    monkeypatch.setattr(calibration, "perf_counter", lambda: machine.now)
    monkeypatch.setattr(calibration, "kernel", lambda device: machine.work("kernel", 1.0))
    found = ratio(lambda: machine.work("work", next(seconds))(), CPU, 0.0)
    assert (found.low, found.ratio, found.high, found.pairs) == (2.0, 3.0, 4.0, 5)
    assert found.seconds == 3.0


def test_the_kernel_does_the_same_each_time_and_leaves_torchs_random_state():
    state = torch.get_rng_state()
    run = kernel(CPU)
    run()
    run()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_works(name, tmp_path):
    ITEMS[name](context(CPU, tmp_path))()


def at(ratio, low=None, high=None):
    return Measured(0.1, ratio, low or ratio, high or ratio, 9)


def measured(revision=1, conditions=HERE, **items):
    return Baseline(1, Kernel(revision, 0.05), conditions, items)


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (at(2.0), at(2.9), "as before"),
        (at(2.0), at(3.1), "slower"),
        (at(2.0, high=2.5), at(3.1), "as before"),  # 3.1 / 2.5 is within the tolerance
        (at(2.0), at(3.1, low=2.8), "as before"),
        (at(3.1), at(2.0), "faster"),
        (at(3.1), at(2.0, high=2.5), "as before"),
    ],
)
def test_slower_is_what_no_spread_explains(before, now, verdict):
    (line,) = compared(measured(a=before), measured(a=now), 1.5)
    assert line.verdict == verdict


def test_new_and_gone_items_and_other_kernels_are_not_compared():
    lines = compared(measured(a=at(1.0), b=at(1.0)), measured(b=at(9.0), c=at(1.0)), 1.5)
    assert [(line.name, line.verdict) for line in lines] == [
        ("a", "not comparable"),
        ("b", "slower"),
        ("c", "not comparable"),
    ]
    (line,) = compared(measured(a=at(1.0)), measured(revision=2, a=at(9.0)), 1.5)
    assert line.verdict == "not comparable"


def test_a_file_keeps_what_was_measured_to_four_digits(tmp_path):
    whole = measured(a=Measured(0.123456, 2.34567, 2.0, 3.0, 7), b=at(1.0))
    write(whole, tmp_path / "new" / "cpu.json")
    found = read(tmp_path / "new" / "cpu.json")
    assert found.items == {"a": Measured(0.1235, 2.346, 2.0, 3.0, 7), "b": at(1.0)}
    assert (found.kernel, found.conditions) == (whole.kernel, whole.conditions)
    plain = json.loads((tmp_path / "new" / "cpu.json").read_text())
    assert list(plain) == sorted(plain)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"{}", "no speed baseline"),
        (b"[", "no speed baseline"),
        (msgspec.json.encode(msgspec.structs.replace(measured(), version=2)), "has version 2"),
    ],
)
def test_a_file_that_is_no_baseline_says_so(content, sentence, tmp_path):
    path = tmp_path / "cpu.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BenchError, match=sentence):
        read(path)


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (Conditions("cuda (NVIDIA H200)", 2, "", "", ""), "--device cuda"),
        (Conditions("cpu (arm64)", 3, "", "", ""), "OMP_NUM_THREADS=3"),
    ],
)
def test_another_kind_of_device_or_number_of_threads_is_refused(there, sentence):
    with pytest.raises(UsageError, match=sentence):
        baseline_file.require_alike(there, HERE)


def test_another_machine_of_the_kind_is_taken():
    there = Conditions("cpu (arm64)", 2, "2.14.0", "3.12.1", "fff0000")
    assert baseline_file.require_alike(there, HERE) is None


@pytest.fixture
def command(monkeypatch, tmp_path):
    """Run the command where every item has the ratio that is said."""

    def run(ratio, *arguments):
        monkeypatch.setattr(baseline, "ITEMS", {"a": lambda ctx: None, "b": lambda ctx: None})
        monkeypatch.setattr(baseline, "ratio", lambda work, device, seconds: at(ratio))
        monkeypatch.setattr(baseline, "kernel_seconds", lambda device, seconds: 0.1)
        return baseline.main([*arguments, "--device", "cpu"])

    return run


def test_the_command_writes_checks_and_tells_by_its_status(command, tmp_path, capsys):
    path = str(tmp_path / "cpu.json")
    assert command(2.0, "-o", path) == 0
    assert command(2.9, "--check", path) == 0
    assert "as before (1.45 times)" in capsys.readouterr().out
    assert command(3.1, "--check", path) == 1
    assert "slower (1.55 times)" in capsys.readouterr().out
    assert command(3.1, "--check", path, "--tolerance", "2") == 0
    assert read(Path(path)).items == {"a": at(2.0), "b": at(2.0)}


def test_the_command_compares_only_the_items_that_were_asked_for(command, tmp_path, capsys):
    path = str(tmp_path / "cpu.json")
    command(2.0, "-o", path, "--items", "a")
    capsys.readouterr()
    assert command(9.0, "--check", path, "--items", "b") == 0
    out = capsys.readouterr().out
    assert "not comparable: new" in out
    assert "| a |" not in out
    command(2.0, "-o", path)
    capsys.readouterr()
    assert command(2.0, "--check", path, "--items", "a") == 0
    assert "gone" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--check", "absent.json"), "absent.json cannot be read"),
        (("--items", "c"), "got 'c'"),
        (("--tolerance", "nan"), "`--tolerance` must be finite"),
        (("--seconds", "inf"), "`--seconds` must be finite"),
    ],
)
def test_what_cannot_be_compared_ends_with_status_two(command, arguments, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        command(2.0, *arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("name", ["file/x/y.json", "file/y.json", "folder"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(
    command, monkeypatch, tmp_path, capsys, name
):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    measuring = []
    monkeypatch.setattr(baseline, "measure", lambda *arguments: measuring.append(arguments))
    with pytest.raises(SystemExit) as ended:
        command(2.0, "-o", str(tmp_path / name))
    assert (ended.value.code, measuring) == (2, [])
    assert f"{tmp_path / name} cannot be written" in capsys.readouterr().err


def test_what_ends_a_write_is_one_sentence(monkeypatch, tmp_path):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BenchError, match=r"cannot be written \(No space left"):
        write(measured(), tmp_path / "cpu.json")
