"""`bench cache`: what is there, who uses it, and that nothing in use is removed."""

from __future__ import annotations

import pytest

from bench.cache import entries, in_use
from bench.records import read_records


@pytest.fixture
def run(bench, tiny_run, tmp_path):
    """Return a folder of one run whose kmeans has built artefacts."""
    arguments = [*tiny_run, "--out", str(tmp_path / "runs" / "one"), "--ipc", "1"]
    arguments[arguments.index("random,first")] = "kmeans[features=convnet1[width=4]@16]"
    assert bench(*arguments).status == 0
    return tmp_path / "runs" / "one"


def named(cache):
    return {f"{entry.kind}/{entry.name}" for entry in entries(cache)}


def test_every_artefact_is_listed_with_its_size_and_the_runs_that_used_it(
    run, bench, own_cache, tmp_path
):
    answer = bench("cache", "list", "--entries", "--runs", tmp_path / "runs")
    assert answer.status == 0
    *lines, total = answer.out.splitlines()
    assert len(lines) == 2
    for kind in ("Embeddings", "TrainedNetwork"):
        [line] = [line for line in lines if f"artefacts/{kind}-" in line]
        assert f"(used by {run})" in line
        assert "convnet1[width=4]" in line
    size = sum(f.stat().st_size for f in (own_cache / "artefacts").rglob("*") if f.is_file())
    assert sum(entry.bytes for entry in entries(own_cache)) <= size
    assert total.startswith(str(own_cache))


def test_a_line_for_every_sort_sums_its_entries(run, bench, own_cache, tmp_path):
    (own_cache / "pixels").mkdir(exist_ok=True)
    for number in range(3):
        (own_cache / "pixels" / f"{number}-none.npy").write_bytes(b"0" * 700_000)
    (own_cache / "artefacts" / "Embeddings-dead.partial").mkdir()
    answer = bench("cache", "list", "--runs", tmp_path / "runs")
    told = {line.split("MB  ")[1] for line in answer.out.splitlines()[:-1]}
    assert told == {
        "artefacts/Embeddings: 1, 1 of them used",
        "artefacts/TrainedNetwork: 1, 1 of them used",
        "artefacts, left behind: 1, none of them used",
        "pixels: 3, none of them used",
    }
    assert "    2.1 MB  pixels" in answer.out


def test_what_a_record_names_is_kept_and_the_rest_is_removed(run, bench, own_cache, tmp_path):
    before = named(own_cache)
    (own_cache / "pixels").mkdir(exist_ok=True)
    (own_cache / "pixels" / "0123-none.npy").write_bytes(b"old")
    (own_cache / "artefacts" / "Embeddings-dead.partial").mkdir()
    (own_cache / "datasets" / "big").mkdir(parents=True)
    (own_cache / "datasets" / "half.tgz.partial").write_bytes(b"a download that stopped")
    (own_cache / "datasets" / "half.unpacking").mkdir()
    (own_cache / "file-hashes.sqlite").touch()
    answer = bench("cache", "prune", "--runs", tmp_path / "runs", "--yes")
    assert answer.status == 0
    assert named(own_cache) == before | {"datasets/big", "datasets/half.tgz.partial"}
    assert (own_cache / "file-hashes.sqlite").exists()
    assert bench("cache", "prune", "--runs", tmp_path / "runs").out == "Nothing to remove.\n"


def test_decoded_images_of_a_distilled_set_are_used_by_its_run(run, bench, own_cache, tmp_path):
    revisions = {record.distilled for record in read_records(run)}
    (own_cache / "pixels").mkdir(exist_ok=True)
    mine = {f"{revision[:16]}-original.npy" for revision in revisions}
    for name in (*mine, "0123-none.npy"):
        (own_cache / "pixels" / name).write_bytes(b"decoded")
    assert bench("cache", "prune", "--runs", tmp_path / "runs", "--yes").status == 0
    assert {path.name for path in (own_cache / "pixels").iterdir()} == mine


def test_without_runs_everything_but_downloads_is_unused_and_is_made_again(
    run, bench, tiny_run, own_cache, tmp_path
):
    before = named(own_cache)
    answer = bench("cache", "prune", "--runs", tmp_path / "nothing", "--dry-run")
    assert (answer.status, named(own_cache)) == (0, before)
    assert answer.out.count("(unused)") == len(before) == 2
    assert bench("cache", "prune", "--runs", tmp_path / "nothing", "--yes").status == 0
    assert named(own_cache) == set()
    arguments = [*tiny_run, "--out", str(tmp_path / "runs" / "two"), "--ipc", "1"]
    arguments[arguments.index("random,first")] = "kmeans[features=convnet1[width=4]@16]"
    assert bench(*arguments).status == 0
    assert named(own_cache) == before


def test_an_entry_can_be_named(run, bench, own_cache, tmp_path):
    [one, other] = sorted(named(own_cache))
    assert bench("cache", "prune", one, "--runs", tmp_path, "--yes").status == 0
    assert named(own_cache) == {other}
    answer = bench("cache", "prune", one, "--yes")
    assert answer.status == 2
    assert "entry" in answer.err


def test_nothing_is_removed_while_a_run_works_with_the_cache(run, bench, own_cache, tmp_path):
    before = named(own_cache)
    with in_use(own_cache):
        answer = bench("cache", "prune", "--runs", tmp_path / "nothing", "--yes")
    assert answer.status == 1
    assert "A run is working with the cache" in answer.err
    assert named(own_cache) == before
    assert bench("cache", "prune", "--runs", tmp_path / "nothing", "--yes").status == 0


def test_a_mark_that_a_killed_process_left_holds_nothing_up(run, bench, own_cache, tmp_path):
    (own_cache / "in-use").mkdir(exist_ok=True)
    (own_cache / "in-use" / "dead.lock").touch()
    assert bench("cache", "prune", "--runs", tmp_path / "nothing", "--yes").status == 0
    assert not list((own_cache / "in-use").iterdir())


def test_removing_is_asked_for_and_an_unknown_action_refused(run, bench, tmp_path):
    answer = bench("cache", "prune", "--runs", tmp_path / "nothing")
    assert answer.status == 2
    assert "--yes" in answer.err
    assert bench("cache", "empty").status == 2


def test_a_cache_that_cannot_be_written_needs_no_mark(tmp_path):
    (tmp_path / "file").touch()
    with in_use(tmp_path / "file"):
        pass


def test_an_entry_that_is_used_is_said_to_be_before_it_is_removed(run, bench, own_cache, tmp_path):
    name = min(named(own_cache))
    answer = bench("cache", "prune", name, "--runs", tmp_path / "runs", "--dry-run")
    assert f"(used by {run})" in answer.out
    assert bench("cache", "list", name).status == 2
