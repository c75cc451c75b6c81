"""Plain class-conditional sampling: the baseline of all methods that use a generator.

Paper:     Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023.
Reference: facebookresearch/DiT, sample.py; with 50 steps and CFG 4.0 as in
           vimar-gu/MinimaxDiffusion, sample.py.
Differs:   image k of a class starts from noise of (seed, class id, k) alone, so that IPC 10 is a
           prefix of IPC 50 and the batch changes no noise. Where ImageNet's labels went into the
           generator, they went into the images.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.errors import UsageError
from bench.sampling import Sampling

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class DiT:
    """Draw `ipc` images of every class from a pretrained generator, unguided but for CFG."""

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = True
    uses_ipc: ClassVar[bool] = True

    sampling: Sampling = field(default_factory=Sampling)
    """Generator, scheduler, steps, classifier-free guidance."""

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Fill in the generator; UsageError if it does not know a class or the IPC is below 1."""
        _checked(ipc)
        return replace(self, sampling=self.sampling.resolve(card))

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return the generator."""
        return (self.sampling.resolve(card).pretrained(),)

    def inputs_revision(self, card: DatasetCard, ipc: int | None, seed: int) -> str:
        """Return which weights the images would come from; BenchError if they are missing."""
        return self.sampling.resolve(card).pretrained().weights

    def seconds(self, card: DatasetCard, ipc: int | None, ctx: Context) -> float | None:
        """Estimate the time of `distill`; None if the weights are not here yet."""
        from bench.sampling.probe import estimate_seconds
        from bench.sampling.sampler import jobs_of

        sampling = self.sampling.resolve(card)
        if not sampling.source().present():
            return None
        generator = ctx.get(sampling.pretrained())
        return estimate_seconds(generator, jobs_of(card, _checked(ipc)), sampling)

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return `ipc` images of every class, at the generator's own size.

        Uses nothing of `real` but its class ids and names.
        """
        import numpy as np

        from bench.images import ArrayImages
        from bench.sampling.sampler import generate, jobs_of
        from bench.sets import DistilledSet

        sampling = self.sampling.resolve(real.card)
        jobs = jobs_of(real.card, _checked(ipc))
        generator = ctx.get(sampling.pretrained())
        images = generate(generator, jobs, sampling, ctx.streams, progress=ctx.progress)
        labels = np.array([job.label for job in jobs], dtype=np.int64)
        return DistilledSet(ArrayImages(images), labels, real.card.classes)


def _checked(ipc: int | None) -> int:
    if ipc is None or ipc < 1:
        raise UsageError(f"The IPC (images per class) must be at least 1, got {ipc}.")
    return ipc
