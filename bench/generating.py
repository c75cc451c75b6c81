"""What methods share that sample their images from a generator, guided or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from bench.errors import UsageError
from bench.sampling import Sampling

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Source
    from bench.sampling.hook import Hook
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class Generating:
    """Draw `ipc` images of every class from a pretrained generator.

    A method of its own says what it fills in, which artefacts it needs and how it guides; all
    else is done here.
    """

    stochastic: ClassVar[bool] = True
    uses_ipc: ClassVar[bool] = True
    depends_on_ipc: ClassVar[Literal["never", "grouped", "always"]] = "never"
    """Whether image k of a class is another one for another IPC. "grouped": it depends on the
    images before it, hence on the IPC only where a selection has groups of that many sampled."""
    slowdown: ClassVar[float] = 1.0
    """Time of an image beside that of one without guidance, for estimates."""

    sampling: Sampling = field(default_factory=Sampling)
    """Generator, scheduler, steps, classifier-free guidance, selection."""

    def filled(self, card: DatasetCard, ipc: int, source: Source) -> Self:
        """Return the spec with its own None-fields filled in; given fields are never changed.

        UsageError for a combination that cannot run.
        """
        return self

    def artefacts(self, card: DatasetCard, ipc: int) -> tuple[Artefact[Any], ...]:
        """Return what guidance needs besides the generator; of a resolved spec."""
        return ()

    def hook(self, card: DatasetCard, ipc: int, ctx: Context) -> Hook | None:
        """Return the guidance, which asks `ctx` for its artefacts; of a resolved spec.

        `ipc` is 0 where images do not depend on it (`depends_on_ipc`).
        """
        return None

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Fill in generator, selection and all fields that are None.

        UsageError if the IPC is below 1, the generator does not know a class, or the method cannot
        serve the set.
        """
        ipc = _checked(ipc)
        sampling = self.sampling.resolve(card)
        return replace(self, sampling=sampling).filled(card, ipc, sampling.source())

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return the generator and what guidance and selection need."""
        ipc = _checked(ipc)
        spec = self.resolve(card, ipc)
        select = spec.sampling.select
        chosen_by = () if select is None else select.needs(card)
        return (*spec.sampling.needs(card), *spec.artefacts(card, ipc), *chosen_by)

    def inputs_revision(self, card: DatasetCard, ipc: int | None, seed: int) -> str:
        """Return which weights the images would come from; BenchError if they are missing."""
        return self.sampling.resolve(card).pretrained().weights

    def seconds(self, card: DatasetCard, ipc: int | None, ctx: Context) -> float | None:
        """Estimate the time of `distill`, of which nothing is built; None if weights are not here.

        Images that have been sampled before take no time; neither does choosing among them.
        """
        from bench.sampling.batches import jobs_of
        from bench.sampling.probe import estimate_seconds
        from bench.sampling.samples import samples_of

        ipc = _checked(ipc)
        spec = self.resolve(card, ipc)
        if not spec.sampling.source().present():
            return None
        segments = samples_of(spec, card, ipc, ctx.seed)
        waiting = sum(part.last - part.first for part in segments if not ctx.artefacts.has(part))
        generator = ctx.get(spec.sampling.pretrained())
        if not waiting:
            return 0.0
        jobs = jobs_of(card, waiting, class_map=spec.sampling.mapping())
        return self.slowdown * estimate_seconds(generator, jobs, spec.sampling)

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return `ipc` images of every class, at the generator's own size.

        They are kept in the cache as they are sampled (see `bench.sampling.samples`), and read from
        there one at a time.
        """
        import numpy as np

        from bench.sampling.samples import samples_of
        from bench.sampling.stored import SegmentedImages, blocks_of_class, mean_traces
        from bench.sets import DistilledSet

        ipc, card = _checked(ipc), real.card
        spec = self.resolve(card, ipc)
        needs = spec.needs(card, ipc)
        generator, *_ = [ctx.get(artefact) for artefact in needs]
        segments = tuple(ctx.get(part) for part in samples_of(spec, card, ipc, ctx.seed))
        select, groups = spec.sampling.select, np.zeros(card.num_classes, np.int64)
        if select is not None:
            groups = select.choose(card, ipc, lambda label: blocks_of_class(segments, label), ctx)
        places = [
            (label, int(group) * ipc + slot)
            for label, group in enumerate(groups)
            for slot in range(ipc)
        ]
        for name, values in mean_traces(segments).items():
            for value in values:
                ctx.trace(name, value)
        seen = any(_saw_imagenet(part) for part in (generator.card, select, *needs))
        return DistilledSet(
            SegmentedImages(segments, tuple(places)),
            np.array([label for label, _ in places], dtype=np.int64),
            card.classes,
            facts={
                "forwards": segments[0].forwards * (segments[-1].last / ipc),
                "batch": max(segments, key=lambda part: part.last - part.first).rows,
                "uses_imagenet_labels": "yes" if seen else "no",
            },
            seconds=sum(part.seconds for part in segments),
        )


def _checked(ipc: int | None) -> int:
    if ipc is None or ipc < 1:
        raise UsageError(f"The IPC (images per class) must be at least 1, got {ipc}.")
    return ipc


def _saw_imagenet(part: Any) -> bool:
    """Say whether labels of ImageNet went into an artefact, what it needs, or a card."""
    needs = part.needs() if callable(getattr(part, "build", None)) else ()
    return bool(getattr(part, "uses_imagenet_labels", False)) or any(map(_saw_imagenet, needs))
