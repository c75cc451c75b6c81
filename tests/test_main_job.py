"""The main job end to end, on a tiny set: plan, run, resume, share, fail and replay."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import jsonschema
import msgspec
import pytest

from bench import records
from bench.errors import UsageError

FAILING = """
from dataclasses import dataclass
from pathlib import Path
import os

import numpy as np

from bench.sets import DistilledSet


@dataclass(frozen=True)
class Logged:
    '''Take the first image of every class, and log that it was done.'''

    revision = 1
    stochastic = True
    uses_ipc = True

    def resolve(self, card, ipc):
        return self

    def needs(self, card, ipc):
        return ()

    def distill(self, real, ipc, ctx):
        log = Path(os.environ["DISTILLATIONS"])
        with log.open("a") as file:
            file.write(f"{ctx.seed}\\n")
        if (log.parent / "broken").exists() and ctx.seed == 1:
            raise RuntimeError("seed 1 is out of luck")
        chosen = [real.train.of_class(c)[:ipc] for c in range(real.card.num_classes)]
        return DistilledSet.of_indices(real, np.concatenate(chosen))


METHODS = {"logged": Logged()}
"""


@pytest.fixture
def logged(tmp_path: Path, tiny_run: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a run of a plugin method that logs every distillation."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(FAILING)
    monkeypatch.setenv("DISTILLATIONS", str(tmp_path / "log"))
    run = [*tiny_run, "--plugin", str(plugin)]
    run[run.index("random,first")] = "mine/logged"
    return run


def contents(out: Path) -> dict[str, dict]:
    """Return all records of a run without what may differ between equal runs."""
    found = {}
    for path in sorted((out / "records").glob("*.json")):
        record = json.loads(path.read_text())
        del record["provenance"]
        found[path.name] = record
    return found


def test_a_run_leaves_its_records_and_prints_the_leaderboard(bench, tiny_run, tmp_path):
    answer = bench(*tiny_run, "--out", tmp_path / "out")
    assert answer.status == 0, answer.err
    assert "random" in answer.out
    assert "first" in answer.out
    kinds = [record["kind"] for record in contents(tmp_path / "out").values()]
    # random: 2 seeds x 2 IPC; first: once per IPC, and its students get all seeds.
    assert kinds.count("distillation") == 4 + 2
    assert kinds.count("evaluation") == 4 + 4
    assert "\x1b" not in answer.out + answer.err


def test_a_second_run_finds_nothing_to_do_and_edits_nothing(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    bench(*tiny_run, "--out", out)
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (out / "records").iterdir()}
    answer = bench(*tiny_run, "--out", out)
    assert answer.status == 0
    assert "Nothing to do" in answer.out
    assert before == {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (out / "records").iterdir()
    }


def test_equal_commands_leave_equal_records_but_for_provenance(bench, tiny_run, tmp_path):
    for name in ("one", "two"):
        assert bench(*tiny_run, "--out", tmp_path / name).status == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_methods_without_randomness_are_distilled_once_and_train_all_students(
    bench, tiny_run, tmp_path
):
    bench(*tiny_run, "--out", tmp_path / "out")
    first = [r for r in contents(tmp_path / "out").values() if r["method"]["name"] == "first"]
    students = {tuple(r["student_seed"]) for r in first if r["kind"] == "evaluation"}
    assert {r["seed"] for r in first} == {0}
    assert students == {(0, 0), (1, 0)}
    assert not any(r["stochastic"] for r in first)


def test_students_of_one_seed_start_equal_whatever_the_method(bench, tiny_run, tmp_path):
    run = [*tiny_run, "--set", "protocol.lr=1e-30", "--set", "protocol.epochs=1"]
    bench(*run, "--out", tmp_path / "out")
    # With a learning rate of nothing, accuracy is that of the untrained student.
    scores: dict[tuple[int, int], set[float]] = {}
    for record in contents(tmp_path / "out").values():
        if record["kind"] == "evaluation":
            pair = tuple(record["student_seed"])
            scores.setdefault(pair, set()).add(record["scores"]["top1_last"])
    assert [len(values) for values in scores.values()] == [1, 1]


def test_last_and_best_and_the_curve_are_recorded(bench, tiny_run, tmp_path):
    bench(*tiny_run, "--out", tmp_path / "out")
    evaluated = [r for r in contents(tmp_path / "out").values() if r["kind"] == "evaluation"]
    assert evaluated
    for record in evaluated:
        curve = record["series"]["top1"]
        assert record["scores"] == {"top1_last": curve[-1], "top1_best": max(curve)}
        assert record["series"]["epoch"] == [1.0, 2.0]


def test_every_record_keeps_to_the_published_schema(bench, tiny_run, tmp_path):
    schema_file = Path(records.__file__).with_name("record.schema.json")
    schema = json.loads(schema_file.read_text())
    assert schema == msgspec.to_builtins(records.schema())
    bench(*tiny_run, "--out", tmp_path / "out")
    written = list((tmp_path / "out" / "records").glob("*.json"))
    assert written
    for path in written:
        jsonschema.validate(json.loads(path.read_text()), schema)


def test_a_dry_run_writes_nothing_and_counts_every_unit(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    answer = bench(*tiny_run, "--out", out, "--dry-run")
    assert answer.status == 0
    assert not out.exists()
    assert answer.out.count("2 x random, tiny, IPC 1") == 2  # sets, and students
    assert "2 x first, tiny, IPC 2, hard/minimax" in answer.out
    assert "6 distillations, 8 evaluations" in answer.out
    assert "Estimated time" in answer.out
    assert "Distilled sets: at most" in answer.out


def test_a_killed_run_resumes_to_the_records_of_an_undisturbed_one(
    bench, start, tiny_run, tmp_path
):
    bench(*tiny_run, "--out", tmp_path / "calm")
    expected = contents(tmp_path / "calm")
    out = tmp_path / "killed"
    for wanted in (1, 5, 9):
        process = start(*tiny_run, "--out", out)
        while len(list((out / "records").glob("*.json"))) < wanted and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.communicate()
    assert bench(*tiny_run, "--out", out).status == 0
    assert contents(out) == expected
    assert not list((out / "work").iterdir())


def test_an_interrupted_run_says_so_and_keeps_what_is_done(start, tiny_run, tmp_path):
    out = tmp_path / "out"
    process = start(*tiny_run, "--set", "protocol.epochs=2000", "--out", out)
    while not list((out / "records").glob("*.json")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list((out / "records").glob("*.json"))


def test_two_runs_at_once_share_the_work_and_lose_nothing(start, logged, tmp_path):
    out = tmp_path / "out"
    processes = [start(*logged, "--out", out) for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    found = contents(out)
    assert len(found) == 4 + 4
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "0", "1", "1"]
    assert not list((out / "failures").iterdir())


def test_a_failing_unit_leaves_a_failure_and_the_others_go_on(bench, logged, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "broken").touch()
    answer = bench(*logged, "--out", out)
    assert answer.status == 1
    assert "seed 1 is out of luck" in answer.err
    assert "Traceback" not in answer.err
    assert len(contents(out)) == 2 + 2  # seed 0 at both IPC, and its students
    failures = sorted((out / "failures").iterdir())
    assert [path.name.split(".")[1] for path in failures] == ["1", "1"]
    assert "RuntimeError" in json.loads(failures[0].read_text())["traceback"]


def test_failed_units_are_tried_again_only_when_asked(bench, logged, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    (tmp_path / "broken").touch()
    bench(*logged, "--out", out)
    attempts = len(log.read_text().split())
    answer = bench(*logged, "--out", out)
    assert answer.status == 1
    assert "--retry-failed" in answer.err
    assert len(log.read_text().split()) == attempts
    (tmp_path / "broken").unlink()
    assert bench(*logged, "--out", out, "--retry-failed").status == 0
    assert len(contents(out)) == 8


def test_a_loss_that_is_not_finite_fails_the_unit_and_names_the_epoch(bench, tiny_run, tmp_path):
    answer = bench(*tiny_run, "--set", "protocol.lr=1e38", "--out", tmp_path / "out")
    assert answer.status == 1
    assert "epoch" in answer.err
    assert not any(r["kind"] == "evaluation" for r in contents(tmp_path / "out").values())


def test_rerun_puts_old_records_aside_and_makes_them_anew(bench, logged, tmp_path):
    out = tmp_path / "out"
    bench(*logged, "--out", out)
    before = contents(out)
    assert bench(*logged, "--out", out, "--rerun").status == 0
    assert contents(out) == before
    assert len(list((out / "superseded").iterdir())) == len(before)
    assert len((tmp_path / "log").read_text().split()) == 8


def test_the_plan_of_a_run_replays_it(bench, tiny_run, tmp_path):
    bench(*tiny_run, "--out", tmp_path / "one")
    assert bench("run", tmp_path / "one" / "plan.json", "--out", tmp_path / "two").status == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_plan_is_not_replayed_on_other_images(bench, tiny_run, tiny_set, tmp_path):
    bench(*tiny_run, "--out", tmp_path / "one")
    (tiny_set / "train" / "ant" / "0.png").unlink()
    answer = bench("run", tmp_path / "one" / "plan.json", "--out", tmp_path / "two")
    assert answer.status == 2
    assert "revision" in answer.err


def test_changed_images_never_answer_for_the_old_ones(bench, tiny_run, tiny_set, tmp_path):
    bench(*tiny_run, "--out", tmp_path / "out")
    before = contents(tmp_path / "out")
    (tiny_set / "val" / "ant" / "0.png").unlink()
    answer = bench(*tiny_run, "--out", tmp_path / "out")
    after = contents(tmp_path / "out")
    assert answer.status == 0
    assert before.items() <= after.items()
    # The training images are the same, so that the distilled sets are, too.
    assert len(after) == len(before) + 8


def test_a_full_disk_ends_the_run_in_one_sentence_and_keeps_records(
    bench, tiny_run, tmp_path, monkeypatch
):
    import errno

    out, real_fsync, calls = tmp_path / "out", os.fsync, []

    def full_after_a_while(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_fsync(handle)

    monkeypatch.setattr(os, "fsync", full_after_a_while)
    answer = bench(*tiny_run, "--out", out)
    monkeypatch.undo()
    assert answer.status == 1
    assert "full" in answer.err.strip().splitlines()[-1]
    assert "Traceback" not in answer.err
    for path in (out / "records").glob("*.json"):
        records.read_record(path)
    assert bench(*tiny_run, "--out", out).status == 0


def test_an_alias_is_a_label_and_never_another_result(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    for method in ("x=random", "x=first"):
        run = [*tiny_run, "--out", str(out)]
        run[run.index("random,first")] = method
        assert bench(*run).status == 0
    identities = {record["method"]["identity"] for record in contents(out).values()}
    assert identities == {"random", "first"}


def test_two_students_under_one_alias_are_two_students(bench, tiny_run, tmp_path):
    run = [*tiny_run, "--out", str(tmp_path / "out")]
    run[run.index("convnet2[width=4]")] = "s=convnet1[width=4],s=convnet2[width=4]"
    assert bench(*run).status == 0
    found = contents(tmp_path / "out").values()
    students = {record["student"]["identity"] for record in found if record["student"]}
    assert students == {"convnet1+depth=1,width=4", "convnet2+depth=2,width=4"}


def test_an_alias_cannot_be_a_registered_name(bench, tiny_run, tmp_path):
    run = [*tiny_run, "--out", str(tmp_path / "out")]
    run[run.index("random,first")] = "random=first"
    answer = bench(*run)
    assert answer.status == 2
    assert "registered name" in answer.err


def test_a_new_revision_of_an_artefact_changes_the_units_that_need_it(
    tiny_set, own_cache, monkeypatch
):
    from bench.data import open_real_set
    from bench.features import Embeddings
    from bench.plan import expand
    from bench.registry import Registry
    from bench.request import RunSpec, Selection

    run = RunSpec(
        methods=("random", "kmeans"), protocols=("hard",), ipc=(1,), students=("convnet1",), seeds=1
    )
    card = open_real_set(f"tiny=folder:{tiny_set}", data_root=None, cache=own_cache).card
    card = dataclasses.replace(card, features="convnet1[width=4]@16")

    def keys() -> dict[str, str]:
        units = expand(run, Selection.of(run, Registry()), [card])
        return {unit.title: unit.key for unit in units}

    before = keys()
    monkeypatch.setattr(Embeddings, "revision", 2)
    changed = {title for title, key in keys().items() if before[title] != key}
    assert changed == {title for title in before if title.startswith("kmeans")}


def test_all_leaves_out_a_method_that_cannot_serve_the_set_and_says_why(bench, tiny_run, tmp_path):
    run = [*tiny_run, "--out", str(tmp_path / "out"), "--plugin", str(tmp_path / "picky.py")]
    (tmp_path / "picky.py").write_text(
        "from dataclasses import dataclass\n"
        "from bench.errors import UsageError\n"
        "from methods.first import First\n\n\n"
        "@dataclass(frozen=True)\n"
        "class Picky(First):\n"
        "    def resolve(self, card, ipc):\n"
        "        raise UsageError('It wants [other] classes.')\n\n\n"
        "METHODS = {'picky': Picky()}\n"
    )
    run[run.index("random,first")] = "all"
    answer = bench(*run, "--dry-run")
    assert answer.status == 0
    assert answer.err.count("picky/picky is left out for tiny: It wants [other] classes.") == 1
    assert answer.err.count("dit is left out for tiny: No generator is meant for the classes") == 1
    assert "x random, tiny" in answer.out
    run[run.index("all")] = "picky/picky"
    answer = bench(*run, "--dry-run")
    assert (answer.status, answer.err.strip()) == (2, "bench: It wants [other] classes.")


def test_a_set_that_no_method_of_all_can_serve_is_refused(tiny_set, own_cache):
    from bench.data import open_real_set
    from bench.plan import expand
    from bench.registry import Registry
    from bench.request import RunSpec, Selection

    card = open_real_set(f"tiny=folder:{tiny_set}", data_root=None, cache=own_cache).card
    selection = Selection.of(RunSpec(students=("convnet1",)), Registry())
    unfit = [named for named in selection.methods if named.name != "full"]
    with pytest.raises(UsageError, match=r"No method can serve 'tiny': random is left out"):
        expand(RunSpec(ipc=(7,)), dataclasses.replace(selection, methods=tuple(unfit)), [card])


@pytest.fixture
def half_done(bench, tiny_run, tmp_path, monkeypatch):
    """Return a run's folder whose first student was killed in its second epoch, and its epochs."""
    from bench.training import loop

    monkeypatch.setattr(loop.Keeping.__init__, "__defaults__", (0.0,))
    done = []

    class Killing(loop.Training):
        def epoch(self, number):
            if done == [0]:
                done.append("killed")
                raise KeyboardInterrupt
            done.append(number)
            return super().epoch(number)

    monkeypatch.setattr(loop, "Training", Killing)
    out = tmp_path / "parts"
    assert bench(*tiny_run, "--out", out).status == 130
    assert len(list(out.glob("partial/*/*/student.safetensors"))) == 1
    done.clear()
    done.append("resumed")
    return out, done


def test_a_student_that_was_killed_goes_on_where_it_was_kept(bench, tiny_run, tmp_path, half_done):
    out, epochs = half_done
    assert bench(*tiny_run, "--out", out).status == 0
    assert bench(*tiny_run, "--out", tmp_path / "whole").status == 0
    assert epochs[:4] == ["resumed", 1, 0, 1]  # the rest of the first student, then the second
    assert contents(out) == contents(tmp_path / "whole")
    assert not list(out.glob("partial/*"))


@pytest.mark.parametrize("change", ["code", "library", "rerun"])
def test_what_other_code_or_another_set_has_kept_is_not_gone_on_with(
    bench, tiny_run, monkeypatch, half_done, change
):
    out, epochs = half_done
    if change == "code":
        monkeypatch.setattr("bench.provenance.state_of_project", lambda: "mended")
    elif change == "library":
        monkeypatch.setattr("bench.provenance.package_versions", lambda: {"torch": "99"})
    options = ["--rerun"] if change == "rerun" else []
    assert bench(*tiny_run, "--out", out, *options).status == 0
    assert epochs[:3] == ["resumed", 0, 1]
    assert not list(out.glob("partial/*"))


def test_an_artefact_that_took_a_while_is_announced_once(bench, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.artefacts.WORTH_SAYING", 0.0)
    run = [*tiny_run, "--out", str(tmp_path / "out")]
    run[run.index("random,first")] = "kmeans[features=convnet1[width=4]@16]"
    said = bench(*run).err
    assert said.count("Built TrainedNetwork (tiny, ") == 1
    assert said.count("Built the features ") == 1


def test_a_set_that_took_a_while_to_open_is_named(bench, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.runner.WORTH_SAYING", 0.0)
    said = bench(*tiny_run, "--out", tmp_path / "out", "--dry-run").err
    assert re.search(r"Looked at [\d,]+ images of tiny: ", said)


def test_a_lost_distilled_set_is_named_and_made_anew_by_rerun(bench, logged, tmp_path):
    out = tmp_path / "out"
    bench(*logged, "--out", out)
    before = contents(out)
    shutil.rmtree(out / "distilled")
    for path in (out / "records").glob("*.json"):
        if json.loads(path.read_text())["kind"] == "evaluation":
            path.unlink()
    answer = bench(*logged, "--out", out)
    assert answer.status == 1
    assert "--rerun" in answer.err
    assert bench(*logged, "--out", out, "--rerun").status == 0
    assert contents(out) == before


def test_records_of_another_version_of_a_plugin_are_pointed_out(bench, logged, tmp_path):
    out = tmp_path / "out"
    bench(*logged, "--out", out)
    assert "another version of a plugin" not in bench(*logged, "--out", out).err
    plugin = tmp_path / "mine.py"
    plugin.write_text(plugin.read_text() + "# edited\n")
    assert "8 of the records are of another version of a plugin" in bench(*logged, "--out", out).err


def test_a_method_that_returns_too_many_images_fails_its_unit(bench, logged, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(plugin.read_text().replace("[:ipc]", "[: ipc + 1]"))
    answer = bench(*logged, "--out", tmp_path / "out")
    assert answer.status == 1
    assert "mend the method" in answer.err
    assert contents(tmp_path / "out") == {}


def test_a_run_killed_before_its_marker_was_written_can_be_started_again(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".bench.json.0123456789ab").write_bytes(b"{")
    assert bench(*tiny_run, "--out", out).status == 0


def test_the_artefacts_of_a_record_do_not_depend_on_what_was_cached(bench, tiny_run, tmp_path):
    run = list(tiny_run)
    run[run.index("random,first")] = "kmeans[features=convnet1[width=4]@16]"
    for name in ("cold", "warm"):
        assert bench(*run, "--out", tmp_path / name).status == 0
    assert contents(tmp_path / "cold") == contents(tmp_path / "warm")


def test_results_of_this_project_can_be_had_from_python(tiny_set, tmp_path):
    import bench

    spec = bench.RunSpec(
        methods=("first",),
        datasets=(f"tiny=folder:{tiny_set}",),
        ipc=(1,),
        protocols=("hard[epochs=1,resolution=16]",),
        students=("convnet1[width=4]",),
        seeds=1,
    )
    result = bench.run(spec, bench.Options(out=tmp_path / "out"))
    assert result.complete
    assert [record.kind for record in result.records] == ["distillation", "evaluation"]
