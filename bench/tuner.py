"""The tuning of generators by itself: what a run would train before it samples, now."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import specs
from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.errors import UsageError
from bench.files import replace_file
from bench.runner import Options, device, open_sets
from bench.sampling import Sampling
from bench.streams import Streams
from bench.tuning.run import FACTS, LOSSES, Tuned, TunedRun

if TYPE_CHECKING:
    from bench.generators.training.stage import Watch
    from bench.request import RunSpec
    from bench.sets import RealSet

Note = Callable[[str], None]


def trainings(
    tunings: Sequence[str],
    fields: Mapping[str, str],
    run: RunSpec,
    options: Options,
    note: Note,
) -> Iterator[tuple[TunedRun, Context]]:
    """Yield every tuning of every set of a request, and the context to train it in.

    Tunings are requests such as `minimax[epochs=2]`; `fields` are those of the sampling besides,
    such as the generator. UsageError for one that there is not, or that
    does not change any weights.
    """
    if not tunings or not run.datasets:
        raise UsageError(
            "`bench tune` needs a tuning and a set, as in `bench tune minimax --datasets "
            "imagenette`."
        )
    named = dict(fields)
    asked = [
        specs.override(Sampling(), {**named, "weights": text}, "bench tune") for text in tunings
    ]
    for text, sampling in zip(tunings, asked, strict=True):
        if sampling.weights is None:
            raise UsageError(f"{text!r} tunes nothing: name a tuning, such as minimax.")
        if sampling.weights.tune_per_seed:
            raise UsageError(
                f"`bench tune` makes one tuning of a seed, got {text!r}: write `tune_seed=1` for "
                "that of distillation seed 1."
            )
    reals = open_sets(run, options, note)
    store = ArtefactStore(options.cache, announce=note)
    runs = [_training(sampling, real) for real in reals.values() for sampling in asked]
    for run_ in runs:  # all are settled before the first begins
        yield run_, _context(store, reals, options)


def train_into(folder: Path, run: TunedRun, ctx: Context, watch: Watch) -> Path:
    """Train anew in `folder`, or go on there; return the file of weights.

    Its name is the one under which the package would ship it; facts and losses lie beside it.
    """
    from bench.tuning.files import TUNED
    from bench.tuning.shipped import name_of

    work = folder / f"{name_of(run)}.partial"
    work.mkdir(parents=True, exist_ok=True)
    for begun in work.glob(".*"):  # written aside when an earlier training was killed
        begun.unlink()
    if not (work / TUNED).is_file():  # else it was killed after its last step
        run.train(ctx.for_artefact(run.seed, work), work, watch)
    path = folder / name_of(run)
    replace_file(path.with_suffix(".json"), (work / FACTS).read_bytes())
    replace_file(path.with_suffix(".jsonl"), (work / LOSSES).read_bytes())
    replace_file(path, (work / TUNED).read_bytes())
    shutil.rmtree(work)
    return path


def _training(sampling: Sampling, real: RealSet) -> TunedRun:
    resolved = sampling.resolve(real.card)
    tuned = resolved.network(real.card, 0)
    assert isinstance(tuned, Tuned)
    return tuned.run


def _context(store: ArtefactStore, reals: dict[str, RealSet], options: Options) -> Context:
    return Context(device(options.device), Streams((0,)), options.cache, store, reals.__getitem__)
