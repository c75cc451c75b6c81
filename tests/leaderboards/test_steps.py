"""Lengths of changes beside the noise of their step, by hand."""

from __future__ import annotations

from leaderboards import build
from leaderboards.figures.evidence import Evidence
from leaderboards.figures.steps import steps


def steps_of(student, *sets):
    """Return what is told of a method whose sets have these traces."""
    records = [
        student(
            0.0,
            kind="distillation",
            key=str(seed),
            at=(seed, 0),
            protocol=None,
            student=None,
            student_seed=None,
            scores={},
            traces={f"guidance/{name}": trace for name, trace in traces.items()},
        )
        for seed, traces in enumerate(sets)
    ]
    (board,) = build(records)
    return steps(board, Evidence.of(records))


def test_terms_are_multiples_of_the_noise_of_their_step(student):
    traces = {"t": [2.0, 1.0, 0.0], "step noise": [4.0, 2.0, 0.0], "mode": [2.0, 6.0, 5.0]}
    (found,) = steps_of(student, traces)
    assert found.terms == {"mode": (0.5, 3.0, 0.0)}
    assert found.values == {}
    assert found.n == 1


def test_all_else_is_a_value_as_recorded(student):
    traces = {"step noise": [4.0, 2.0], "influence loss": [8.0, 9.0], "a plugin's": [1.0, 2.0]}
    (found,) = steps_of(student, traces)
    assert found.terms == {}
    assert found.values == {"influence loss": (8.0, 9.0), "a plugin's": (1.0, 2.0)}


def test_without_any_noise_lengths_are_values_too(student):
    """A sampler without noise of its own gives nothing to measure a change by."""
    (found,) = steps_of(student, {"step noise": [0.0, 0.0], "x": [3.0, 4.0]})
    assert (found.terms, found.values) == ({}, {"x": (3.0, 4.0)})
    (found,) = steps_of(student, {"x": [3.0, 4.0]})
    assert (found.terms, found.values) == ({}, {"x": (3.0, 4.0)})


def test_means_are_over_the_sets_that_have_a_trace(student):
    noise = [2.0, 2.0]
    (found,) = steps_of(
        student,
        {"step noise": noise, "x": [2.0, 4.0], "energy": [1.0, 2.0]},
        {"step noise": noise, "x": [4.0, 8.0]},
        {"step noise": [1.0, 1.0], "x": [3.0, 3.0]},
        {},
    )
    assert found.terms == {"x": (2.0, 3.0)}
    assert found.values == {"energy": (1.0, 2.0)}
    assert found.n == 3


def test_shorter_sets_shorten_the_mean(student):
    one, other = {"energy": [1.0, 2.0, 3.0]}, {"energy": [3.0, 4.0]}
    (found,) = steps_of(student, one, other)
    assert found.values == {"energy": (2.0, 3.0)}


def test_sets_without_guidance_have_no_steps(student):
    assert steps_of(student, {}) == []
    assert steps_of(student, {"t": [1.0], "step noise": [1.0]}) == []
