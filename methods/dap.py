"""DAP: sampling drawn towards real images, as the generator's own network sees them.

Paper:     Su et al., "Diffusion Models as Dataset Distillation Priors", ICLR 2026
           (arXiv 2510.17421), Algorithm 1.
Reference: none; suduo94/Diffusion-As-Priors is a web page.
Differs:   this is our reading, as no code was released. From the paper: the distance of a Mercer
           kernel, its mean over the real images of the class, its gradient with respect to the
           state before the step, added after the step and not scaled by its noise, an early stop,
           and a layer among blocks 4 to 12 of 28. Ours, and UNVERIFIED: the index of the block,
           that its output is not pooled, that real images are shown clean and at timestep 0, how
           many of them there are, where guidance stops, and strengths but for those of ImageNette
           at IPC 10. Real images are chosen once, not by distillation seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from bench.errors import UsageError
from bench.generating import Generating
from bench.guidance import check_class_sizes, check_fraction, check_not_negative, within
from bench.preparation.block_features import BlockFeatures, Pooling
from bench.preparation.latents import RealLatents
from bench.sampling.schedule import timesteps
from bench.tuning.run import Tuned

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Source
    from bench.sampling.hook import Hook
    from bench.sets import DatasetCard


@dataclass(frozen=True)
class DAP(Generating):
    """Draw images whose features in one block of the network are near those of real images.

    Image k of a class does not depend on the IPC. Randomness is the sampler's alone.
    """

    revision: ClassVar[int] = 1
    slowdown: ClassVar[float] = 1.3
    remark: ClassVar[str] = "our reading of the paper, which came without code"

    strength: float | None = None
    """Weight of the gradient (gamma); None is 1, the better of the two that the paper gives for
    ImageNette at IPC 10 (0.5 and 1). 0 is plain sampling."""
    kernel: Literal["linear", "rbf", "polynomial"] = "linear"
    """Kernel of the distance; the paper's practical one is linear."""
    bandwidth: float | None = None
    """Of "rbf"; None is the median distance between the real features of the class."""
    degree: int = 2
    """Of "polynomial"."""
    offset: float = 1.0
    """Of "polynomial", added to the mean product of two features."""
    block: int | None = None
    """Index of the layer, from 0; None is 8 of 28 blocks and the same share of others (1 of 6)."""
    pooling: Pooling | None = None
    """"none" flattens the block's output, "mean" takes its mean over places; None is "mean" for
    the package's own generator, else "none"."""
    real: Literal["clean", "matched"] | None = None
    """Real images are shown as they are, at timestep 0 ("clean"), or noised to the level of the
    step ("matched"); None is "matched" for the package's own generator, else "clean"."""
    num_real: int = 200
    """Real images of a class, chosen once; all of them where there are fewer."""
    early_stop: float = 25 / 49
    """Fraction of the schedule at which guidance ends: with 50 steps, 49 to 25 are guided. 0
    guides all."""
    flip: bool = True
    """Flip real images at random before they are encoded, once, as for MGD3's modes."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        check_not_negative(strength=self.strength, offset=self.offset)
        check_fraction(early_stop=self.early_stop)
        for name, least in (("degree", 1), ("num_real", 1), ("block", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"`{name}` must be at least {least}, got {value}.")
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise ValueError(f"`bandwidth` must be above 0, got {self.bandwidth}.")

    def filled(self, card: DatasetCard, ipc: int, source: Source) -> Self:
        """Fill in strength, block, pooling and kind of real features.

        UsageError if the block does not exist, or if a class is too small to tell a bandwidth.
        """
        own = self.sampling.generator == "embedded"
        if self.sampling.weights is not None and self.sampling.weights.tune_per_seed:
            raise UsageError(
                "'dap' looks at real images through one network, and `tune_per_seed` gives every "
                "distillation seed another: leave it off."
            )
        block = usual_block(source.layers) if self.block is None else self.block
        if block >= len(source.layers):
            raise UsageError(
                f"`block` must lie between 0 and {len(source.layers) - 1}, the blocks of "
                f"{self.sampling.generator!r}, got {block}."
            )
        if self.kernel == "rbf" and self.bandwidth is None:
            check_class_sizes(card, 2, "The bandwidth of 'dap'", "give a `bandwidth`")
        return replace(
            self,
            strength=1.0 if self.strength is None else self.strength,
            block=block,
            pooling=self.pooling or ("mean" if own else "none"),
            real=self.real or ("matched" if own else "clean"),
        )

    def artefacts(self, card: DatasetCard, ipc: int) -> tuple[Artefact[Any], ...]:
        """Return the latents and the features of real images; nothing for strength 0."""
        if not self.strength:
            return ()
        features = self._features(card)
        return (features.latents, features)

    def hook(self, card: DatasetCard, ipc: int, ctx: Context) -> Hook | None:
        """Return the guidance; None for strength 0."""
        from methods.dap_hook import TowardsReals
        from methods.dap_kernels import Kernel

        if not self.strength:
            return None
        kernel = Kernel(self.kernel, self.bandwidth, self.degree, self.offset)
        features = self._features(card)
        return TowardsReals(
            strength=self.strength,
            early_stop=self.early_stop,
            layer=features.layer,
            pooling=features.pooling,
            kernel=kernel.to_reals,
            reals=ctx.get(features),
            times=features.times if features.noised else (),
        )

    def _features(self, card: DatasetCard) -> BlockFeatures:
        assert self.block is not None
        assert self.pooling is not None
        matched = self.real == "matched"
        network = self.sampling.network(card, 0)
        return BlockFeatures(
            RealLatents.of(card, self.sampling, flip=self.flip),
            layer=self.sampling.source().layers[self.block],
            pooling=self.pooling,
            count=self.num_real,
            times=self._guided_times() if matched else (0,),
            noised=matched,
            class_map=self.sampling.class_map,
            tuned=network if isinstance(network, Tuned) else None,
        )

    def _guided_times(self) -> tuple[int, ...]:
        """Return the original timesteps of guided steps, ascending."""
        steps = self.sampling.steps
        times = timesteps(self.sampling.scheduler, steps)
        return tuple(
            t for i, t in enumerate(times) if within(i / (steps - 1), self.early_stop, 1.0)
        )


def usual_block(layers: Sequence[str]) -> int:
    """Return the index of the layer that is as deep as block 8, the ninth, of DiT-XL/2's 28."""
    return max(0, round(9 / 28 * len(layers)) - 1)
