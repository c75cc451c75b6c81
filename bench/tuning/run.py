"""Tuned weights as artefacts: one training, and a generator with what it has learned."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench import specs
from bench.generators import Pretrained, find_generator
from bench.timing import duration
from bench.tuning.specs import TUNINGS, Tuning

if TYPE_CHECKING:
    import torch

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Generator
    from bench.generators.training.stage import Watch
    from bench.sets import DatasetCard
    from bench.tuning.learner import TuningLearner
    from bench.tuning.posteriors import Posteriors

FACTS, LOSSES = "facts.json", "losses.jsonl"

CHECKPOINT_EVERY, REPORT_EVERY = 500, 50
"""Steps between checkpoints, at least, and between looks at the losses."""
CHECKPOINTS = 200
"""Checkpoints of a training, at most: the memories of 1,000 classes make each one large."""
PROBED = 3
"""Steps that an estimate times."""
PARTS = 20
"""Parts of a training of which `facts.json` has the mean losses."""
SAID_EVERY = 60.0
"""Seconds between sentences on how a training goes."""


@dataclass(frozen=True)
class TunedRun:
    """One training of a tuning on a real set: its last weights and their average, as differences.

    Which of the two is sampled from is no part of it.
    """

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    tuning: Tuning
    """Resolved."""
    dataset: str
    """Name of the real set in this run."""
    train_revision: str
    generator: str
    weights: str
    """Which weights are tuned, as `bench.generators.Pretrained` has them."""
    class_map: tuple[str, ...] = ()
    """Sorted `class:generator class` pairs; none where the ranks of classes are their numbers."""
    seed: int = 0

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"the tuning {self.title!r} of {self.generator!r} to {self.dataset!r}"

    @property
    def title(self) -> str:
        """Return the name of the tuning, or of its kind, with the fields that it changes."""
        kind = next(name for name, one in TUNINGS.items() if type(one) is type(self.tuning))
        whole = replace(self.tuning, average="ema", decay=None)
        named = (name for name, one in TUNINGS.items() if one == whole)
        name = next(named, specs.label(kind, whole, TUNINGS[kind]))
        return f"{name}, seed {self.seed}" if self.seed else name

    @property
    def ready(self) -> bool:
        """Say whether the package brings it, so that nothing it needs has to be built."""
        from bench.tuning.shipped import brought

        return brought(self)

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the generator and the posteriors of the real set."""
        return (self.base(), self.posteriors())

    def base(self) -> Pretrained:
        """Return the artefact of the generator that is tuned."""
        return Pretrained(self.generator, self.weights)

    def posteriors(self) -> Posteriors:
        """Return the artefact of the real set's latents."""
        from bench.tuning.posteriors import Posteriors

        return Posteriors(self.dataset, self.train_revision, self.generator, self.weights)

    def build(self, ctx: Context, out: Path) -> None:
        """Take the differences that the package has of just this training, or train.

        Writes what `train` does. BenchError if the loss is no longer finite.
        """
        from bench.tuning.shipped import take

        if not take(self, out):
            self.train(ctx, out, _saying(self, ctx))

    def train(self, ctx: Context, out: Path, watch: Watch) -> None:
        """Train in a folder, or go on there; `watch` says how often a checkpoint is written.

        Leaves `tuned.safetensors`, `facts.json` and `losses.jsonl`. An interrupt ends the step,
        writes a checkpoint and raises KeyboardInterrupt.
        """
        from bench.generators.training.log import read_losses
        from bench.generators.training.stage import CHECKPOINT, train
        from bench.tuning.files import write_tuned

        learner, card = self._learner(ctx)
        steps, decided = self.tuning.steps(card), {"training": self.identity}
        with learner.attached():
            trained = train(learner, out, steps, decided, watch)
        write_tuned(out, self.identity, learner.raw(), learner.average())
        facts = {
            "training": self.identity,
            "steps": trained.done,
            "seconds": round(trained.seconds, 1),
            "devices": trained.devices,
            "losses": mean_losses(read_losses(out / LOSSES)),
        }
        (out / FACTS).write_bytes(msgspec.json.encode(facts) + b"\n")
        (out / CHECKPOINT).unlink(missing_ok=True)

    @property
    def identity(self) -> str:
        """Return the hash of all that the weights follow from but libraries and device."""
        from bench.artefacts import key

        return key(self)

    def seconds(self, ctx: Context) -> float | None:
        """Estimate the training by a few steps; None while the real set is not encoded yet."""
        if not ctx.artefacts.has(self.posteriors()) or not find_generator(self.generator).present():
            return None
        learner, card = self._learner(ctx)
        with learner.attached():
            learner.step(0)  # the first one is slower
            started = time.perf_counter()
            for step in range(1, 1 + PROBED):
                learner.step(step)
        return self.tuning.steps(card) * (time.perf_counter() - started) / PROBED

    def load(self, path: Path, device: torch.device) -> Mapping[str, Any]:
        """Return the facts of the training."""
        facts: dict[str, Any] = msgspec.json.decode((path / FACTS).read_bytes())
        return {**facts, "folder": path}

    def _learner(self, ctx: Context) -> tuple[TuningLearner, DatasetCard]:
        """Return what learns, at its first step, and the card of the real set."""
        from bench.preparation.real import checked_real_set
        from bench.tuning.draws import RealDraws
        from bench.tuning.learner import TuningLearner
        from bench.tuning.transformer import transformer_of

        card = checked_real_set(ctx, self.dataset, self.train_revision).card
        generator = ctx.get(self.base())
        draws = RealDraws(ctx.get(self.posteriors()), card, self._numbers(card, generator))
        network, betas = transformer_of(generator), generator.card.betas
        return TuningLearner(network, self.tuning, draws, betas, ctx.streams), card

    def _numbers(self, card: DatasetCard, generator: Generator) -> list[int]:
        """Return the generator's number of every class of the set, in the order of its labels."""
        if self.tuning.labels == "rank":  # of the sorted listing of a folder
            return [sorted(card.classes).index(name) for name in card.classes]
        mapping = dict(pair.split(":", 1) for pair in self.class_map)
        return generator.card.labels([mapping.get(name, name) for name in card.classes])


@dataclass(frozen=True)
class Tuned:
    """A generator whose transformer has what a training has learned, folded into its weights."""

    revision: ClassVar[int] = 1

    run: TunedRun
    average: bool = True
    """The moving average, or the weights of the last step."""

    @classmethod
    def of(
        cls,
        base: Pretrained,
        tuning: Tuning,
        card: DatasetCard,
        class_map: tuple[str, ...],
        seed: int,
    ) -> Tuned:
        """Return what a resolved tuning makes of a generator; `seed` is that of distillation."""
        learned = replace(tuning, average="ema", tune_seed=0, tune_per_seed=False)
        run = TunedRun(
            learned,
            card.name,
            card.train_revision,
            base.generator,
            base.weights,
            () if tuning.labels == "rank" else class_map,
            seed if tuning.tune_per_seed else tuning.tune_seed,
        )
        return cls(run, tuning.average == "ema")

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"{self.run.generator!r} after {self.run.words}"

    @property
    def weights(self) -> str:
        """Return which weights these are."""
        kind = "ema" if self.average else "raw"
        return f"{self.run.weights} tuned:{self.run.identity}:{kind}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the generator and the training."""
        return (self.run.base(), self.run)

    def build(self, ctx: Context, out: Path) -> None:
        """Keep the chosen difference, checked; BenchError if it is not one of this network."""
        from bench.tuning.files import read_tuned, write_chosen

        trained = ctx.get(self.run)
        chosen = read_tuned(trained["folder"], self.run.identity, average=self.average)
        write_chosen(out, self.run.identity, chosen)

    def seconds(self, ctx: Context) -> float:
        """Return that this takes no time beside the training."""
        return 0.0

    def load(self, path: Path, device: torch.device) -> Generator:
        """Return the generator on a device; BenchError if the file is damaged or another's."""
        from bench.tuning.files import read_chosen
        from bench.tuning.transformer import tuned_generator

        self.run.base().check_unchanged()
        generator = find_generator(self.run.generator).open(device)
        return tuned_generator(generator, read_chosen(path, self.run.identity), self.weights)


def mean_losses(lines: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the means of every loss over up to 20 parts of a training, in order."""
    size = max(1, -(-len(lines) // PARTS))
    parts = [lines[start : start + size] for start in range(0, len(lines), size)]
    names = [name for name in (lines[0] if lines else ()) if name != "step"]
    return {
        name: [float(f"{sum(line[name] for line in part) / len(part):.4g}") for part in parts]
        for name in names
    }


def _saying(run: TunedRun, ctx: Context) -> Watch:
    """Return how a training within a run is watched: a sentence a minute, and its progress."""
    from bench.generators.training.stage import Watch

    said = time.monotonic()

    def report(done: int, steps: int, left: float, losses: Mapping[str, float]) -> None:
        nonlocal said
        ctx.progress(done, steps)
        if time.monotonic() - said >= SAID_EVERY:
            said = time.monotonic()
            shown = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
            ctx.artefacts.announce(
                f"{run.title} on {run.dataset} {done}/{steps}: {shown} ({duration(left)} left)."
            )

    steps = run.tuning.epochs * sum(ctx.real(run.dataset).card.class_sizes) // run.tuning.tune_batch
    return Watch(max(CHECKPOINT_EVERY, steps // CHECKPOINTS), REPORT_EVERY, report=report)
