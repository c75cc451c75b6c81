"""The tuning of generators by itself: what a run would train before it samples, now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    tunings: Sequence[str], generator: str | None, run: RunSpec, options: Options, note: Note
) -> Iterator[tuple[TunedRun, Context]]:
    """Yield every tuning of every set of a request, and the context to train it in.

    Tunings are requests such as `minimax[epochs=2]`. UsageError for one that there is not, or that
    does not change any weights.
    """
    if not tunings or not run.datasets:
        raise UsageError(
            "`bench tune` needs a tuning and a set, as in `bench tune minimax --datasets "
            "imagenette`."
        )
    named = {} if generator is None else {"generator": generator}
    asked = [
        specs.override(Sampling(), {**named, "weights": text}, "bench tune") for text in tunings
    ]
    for text, sampling in zip(tunings, asked, strict=True):
        if sampling.weights is None:
            raise UsageError(f"{text!r} tunes nothing: name a tuning, such as minimax.")
    reals = open_sets(run, options, note)
    store = ArtefactStore(options.cache, announce=note)
    for real in reals.values():
        for sampling in asked:
            yield _training(sampling, real), _context(store, reals, options)


def train_into(folder: Path, run: TunedRun, ctx: Context, watch: Watch) -> Path:
    """Train anew in `folder`, or go on there; return the file of weights.

    Its name is the one under which the package would ship it; facts and losses lie beside it.
    """
    from bench.tuning.files import TUNED
    from bench.tuning.shipped import name_of

    work = folder / f"{name_of(run)}.partial"
    work.mkdir(parents=True, exist_ok=True)
    run.train(ctx.for_artefact(run.seed, work), work, watch)
    path = folder / name_of(run)
    for made, kept in ((TUNED, path), (FACTS, path.with_suffix(".json"))):
        replace_file(kept, (work / made).read_bytes())
        (work / made).unlink()
    replace_file(path.with_suffix(".jsonl"), (work / LOSSES).read_bytes())
    (work / LOSSES).unlink()
    work.rmdir()
    return path


def _training(sampling: Sampling, real: RealSet) -> TunedRun:
    resolved = sampling.resolve(real.card)
    tuned = resolved.network(real.card, 0)
    assert isinstance(tuned, Tuned)
    return tuned.run


def _context(store: ArtefactStore, reals: dict[str, RealSet], options: Options) -> Context:
    return Context(device(options.device), Streams((0,)), options.cache, store, reals.__getitem__)
