"""A fault that loses accuracy fails the gate, and code that has not changed does not."""

from __future__ import annotations

from pathlib import Path

import torch

from leaderboards.gate import baseline_file

COMMITTED = Path(__file__).parent.parent / "leaderboards" / "baselines" / "embedded-gate.json"

RUN = (
    "run",
    "--methods",
    "random",
    "--datasets",
    "shapenette",
    "--ipc",
    "5",
    "--protocols",
    "hard[epochs_scale=0.03,evaluations=1]",
    "--students",
    "convnet3[width=16]",
    "--seeds",
    "3",
    "--repeats",
    "1",
    "--yes",
)


def one_grey_image(images, boxes, flips, size):
    """Return what a broken crop might: every view the same, whatever the image."""
    return torch.full((len(images), images.shape[1], size, size), 127.0)


def revisions_in(path):
    """Return the revisions of the real set in a baseline."""
    cells = baseline_file.read(path).cells
    return {
        (cell.train_revision, cell.test_revision) for cell in cells if cell.dataset == "shapenette"
    }


def test_a_broken_augmentation_fails_both_modes_and_an_equal_run_neither(
    bench, tmp_path, monkeypatch
):
    def ran(name, *check):
        out = tmp_path / name
        if not out.exists():
            answer = bench(*RUN, "--out", out)
            assert answer.status == 0, answer.err
        return bench("check", out, "--baseline", tmp_path / "held.json", *check)

    assert bench(*RUN, "--out", tmp_path / "first").status == 0
    made = bench("baseline", tmp_path / "first", "-o", tmp_path / "held.json")
    assert made.status == 0, made.err
    # The baseline of the project is held against the set as it is drawn today.
    assert revisions_in(COMMITTED) == revisions_in(tmp_path / "held.json")

    same = ran("same")
    assert (same.status, same.out.startswith("unchanged: ")) == (0, True), same.out
    assert ran("same", "--exact").status == 0

    monkeypatch.setattr("bench.augment.crop_resize", one_grey_image)
    broken = ran("broken", "--junit", tmp_path / "gate.xml")
    assert (broken.status, broken.out.startswith("regression: ")) == (1, True), broken.out
    assert "the distilled sets are the same" in broken.out
    assert 'failures="1"' in (tmp_path / "gate.xml").read_text()
    assert ran("broken", "--exact").status == 1
