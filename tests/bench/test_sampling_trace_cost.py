import math

import pytest
import torch

from bench.sampling import Sampling
from bench.sampling.cost import forwards
from bench.sampling.hook import Delta, Job, Want
from bench.sampling.sampler import sample_batches
from bench.sampling.schedule import Schedule
from bench.streams import Streams

BLOCKS = tuple(f"block{number}" for number in range(28))
JOBS = [Job("c3", 3, 0), Job("c8", 8, 0), Job("c1", 1, 0)]


def window(low, high, want):
    return lambda u: want if low - 1e-9 <= u <= high + 1e-9 else Want()


# --- forward passes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cfg", "wants", "expected"),
    [
        (4.0, window(2, 2, Want()), 50 * 2),
        (1.0, window(2, 2, Want()), 50),
        # Influence: 16 guided steps, each with the way back through both branches.
        (4.0, window(30 / 49, 45 / 49, Want(graph=True)), 100 + 16 * 4),
        (1.0, window(30 / 49, 45 / 49, Want(graph=True)), 50 + 16 * 2),
        # Features of 9 blocks of 28: there once more and back, without the second branch.
        (4.0, window(25 / 49, 1, Want(True, "block8")), 100 + 25 * 3 * 9 / 28),
        (4.0, window(25 / 49, 1, Want(True, "block27")), 100 + 25 * 3),
        (4.0, window(0, 1, Want(False, "block8")), 100),
    ],
)
def test_forward_passes_of_an_image_are_counted(cfg, wants, expected):
    assert forwards(Schedule.of("ddpm", 50), cfg, wants, BLOCKS) == pytest.approx(expected)


# --- traces --------------------------------------------------------------------------------------


class Traced:
    """Gives what `deltas` holds for a step, and keeps the steps."""

    sequential = False
    strengths = "`push` 1"

    def __init__(self, deltas):
        self.deltas, self.steps = deltas, []

    def wants(self, u):
        return Want()

    def __call__(self, step):
        self.steps.append(step)
        return self.deltas.get((step.level.i, step.attempt))

    def done(self, job, latent):
        pass


@pytest.fixture(scope="module")
def tiny(make_generator):
    return make_generator()


def filled(*values):
    """Return one row of equal numbers for every value: its norm is 16 times the value."""
    return torch.tensor(values)[:, None, None, None].expand(-1, 4, 8, 8)


def traced(generator, deltas, sampling=None, batch=None):
    hook = Traced(deltas)
    sampling = sampling or Sampling(steps=6)
    (made,) = sample_batches(
        generator, [batch or JOBS], sampling, Streams((7,)), hook=hook, rows=len(JOBS)
    )
    return made, hook.steps


def test_a_trace_has_the_norm_of_every_change_where_it_was_made_and_0_elsewhere(tiny):
    deltas = {(3, 0): Delta(mean=filled(1.0, 2.0, 0.5)), (1, 0): Delta(x=filled(3.0, 0.0, 1.0))}
    made, _ = traced(tiny, deltas)
    expected = torch.zeros(6, 3)
    expected[2] = torch.tensor([16.0, 32.0, 8.0])  # first step first: i = 5, 4, 3
    torch.testing.assert_close(made.traces["mean"], expected)
    expected = torch.zeros(6, 3)
    expected[4] = torch.tensor([48.0, 0.0, 16.0])
    torch.testing.assert_close(made.traces["x"], expected)
    assert set(made.traces) == {"t", "step noise", "mean", "x"}
    assert made.traces["mean"].dtype == torch.float32


def test_terms_stand_for_the_field_they_are_parts_of(tiny):
    parts = {"pull": filled(1.0, 1.0, 1.0), "push": filled(-2.0, -2.0, -2.0)}
    made, _ = traced(tiny, {(3, 0): Delta(x=filled(-1.0, -1.0, -1.0), terms=parts)})
    assert made.traces["pull"][2].tolist() == [16.0, 16.0, 16.0]
    assert made.traces["push"][2].tolist() == [32.0, 32.0, 32.0]
    assert "x" not in made.traces


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
def test_changes_stand_beside_the_noise_of_the_step_and_its_timestep(tiny, scheduler):
    made, steps = traced(tiny, {}, Sampling(steps=6, scheduler=scheduler))
    for place, step in enumerate(steps):
        noise = torch.zeros_like(step.x) if step.noise is None else step.sigma * step.noise
        expected = noise.square().sum(dim=(1, 2, 3)).sqrt()
        torch.testing.assert_close(made.traces["step noise"][place], expected)
        assert made.traces["t"][place].tolist() == [step.level.t] * 3
    assert made.traces["step noise"][0].min() > 0 or scheduler == "ddim"


def test_values_are_kept_as_they_are_and_are_nothing_elsewhere(tiny):
    loss = torch.tensor([0.5, 0.25, 1.0])
    made, _ = traced(tiny, {(3, 0): Delta(x=filled(1.0, 1.0, 1.0), values={"loss": loss})})
    assert made.values["loss"][2].tolist() == [0.5, 0.25, 1.0]
    assert made.values["loss"].isnan().sum() == 15
    assert "loss" not in made.traces


def test_of_a_repeated_step_the_last_attempt_counts(tiny):
    first = Delta(x=filled(1.0, 1.0, 1.0), repeat=True, values={"loss": torch.ones(3)})
    made, steps = traced(tiny, {(3, 0): first, (3, 1): Delta(mean=filled(2.0, 2.0, 2.0))})
    assert [step.attempt for step in steps if step.level.i == 3] == [0, 1]
    assert made.traces["x"].abs().max() == 0
    assert made.traces["mean"][2].tolist() == [32.0] * 3
    assert made.values["loss"].isnan().all()


def test_padding_is_not_traced(tiny):
    made, _ = traced(tiny, {(3, 0): Delta(mean=filled(1.0, 2.0, math.inf))}, batch=JOBS[:2])
    assert made.traces["mean"].shape == (6, 2)
    assert made.traces["mean"][2].tolist() == [16.0, 32.0]


def test_without_a_hook_there_is_no_trace(tiny):
    (made,) = sample_batches(tiny, [JOBS], Sampling(steps=6), Streams((7,)))
    assert (made.traces, made.values) == ({}, {})
