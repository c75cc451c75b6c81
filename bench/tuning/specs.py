"""Tunings as specs: what is learned from the real set before anything is sampled.

Papers:    Gu et al., "Efficient Dataset Distillation via Minimax Diffusion", CVPR 2024.
           "IMS3: Breaking Distributional Aggregation in Diffusion-Based Dataset Distillation",
           CVPR 2026 (arXiv 2603.13960), inversion matching.
Reference: vimar-gu/MinimaxDiffusion, train_dit.py, run.sh; Westlake-AGI-Lab/IMS3, train_dit.py,
           run.sh. Both tune the biases, added scales and class table of DiT (DiffFit).
Differs:   the last step is always kept; classes have the numbers of the generator's own table,
           where the released code takes ranks of folders; one tuning serves all classes of a set,
           where the code splits more than ten classes into phases with one tuning each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from bench.errors import UsageError
from bench.guidance import check_choice, check_not_negative
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    from bench.generators.interface import Source
    from bench.sets import DatasetCard

PUBLISHED_DECAY = 0.9999

Labels = Literal["class", "rank"]
Average = Literal["ema", "raw"]


@dataclass(frozen=True)
class Tuning:
    """Go on training a class-conditional transformer on the real set, in a few parameters.

    Biases, the class table and added scales are learned (DiffFit); the rest is frozen. Every image
    is looked at `epochs` times, mirrored at random, as a fresh draw from its posterior.
    """

    epochs: int = 8
    """Passes over the real set; the scripts of both papers."""
    tune_batch: int = 8
    """Images of a step. What is left at the end of a pass, fewer than that, is not learned."""
    lr: float = 1e-3
    """Constant rate of AdamW."""
    weight_decay: float = 0.0
    drop: float = 0.1
    """Probability that an image is shown without its class."""
    decay: float | None = None
    """Of the moving average, constant from the first step. None is 0.9999 as in the code, of
    which the first weights keep 0.4 after 9,000 steps, or 1 - 10 / steps for the package's own
    generator."""
    average: Average = "ema"
    """Which weights are sampled from: the average, or those of the last step."""
    representative: float = 0.002
    """Weight of the pull to the least similar real latent of the class in memory; 0 is off."""
    diverse: float = 0.008
    """Weight of the push from the most similar guess of the class in memory; 0 is off."""
    memory: int = 64
    """Latents of a class that each of both memories holds; the oldest go."""
    labels: Labels = "class"
    """By which class numbers images are learned: their own, or their rank among the classes of the
    set, as the released code does where the data root has no other folders."""
    tune_numerics: Numerics = "tf32"
    """Precision of products on a GPU, as in the code; "tf32" equals "fp32" on a CPU."""
    tune_seed: int = 0
    """Of the order, timesteps and noise; shared by all distillation seeds."""
    tune_per_seed: bool = False
    """One tuning for every distillation seed, with that seed."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        check_not_negative(
            weight_decay=self.weight_decay,
            representative=self.representative,
            diverse=self.diverse,
        )
        for name, least in (("epochs", 0), ("tune_batch", 1), ("memory", 1), ("tune_seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}, got {getattr(self, name)}.")
        if self.lr <= 0:
            raise ValueError(f"`lr` must be above 0, got {self.lr}.")
        if not 0.0 <= self.drop <= 1.0:
            raise ValueError(f"`drop` must lie between 0 and 1, got {self.drop}.")
        if self.decay is not None and not 0.0 <= self.decay < 1.0:
            raise ValueError(f"`decay` must be at least 0 and below 1, got {self.decay}.")
        check_choice(self.average, Average, "average")
        check_choice(self.labels, Labels, "labels")

    def resolve(self, card: DatasetCard, source: Source, generator: str) -> Self:
        """Fill in the decay.

        UsageError if the generator is conditioned on text, or the set is smaller than a batch.
        """
        if not source.classes:
            raise UsageError(
                f"A tuning learns class tables, which {generator!r} has none of (it is conditioned "
                "on text): take a class-conditional `generator`, or `weights=pretrained`."
            )
        if self.labels == "rank" and card.num_classes > len(source.classes):
            raise UsageError(
                f"`labels=rank` needs as many classes as {card.name!r} has ({card.num_classes}), "
                f"but {generator!r} knows {len(source.classes)}: take `labels=class`."
            )
        images = sum(card.class_sizes)
        if images < self.tune_batch:
            raise UsageError(
                f"A tuning needs at least `tune_batch` ({self.tune_batch}) training images, got "
                f"the {images} of {card.name!r}: lower it."
            )
        return self if self.decay is not None else replace(self, decay=self._usual(card, generator))

    def steps(self, card: DatasetCard) -> int:
        """Return how many steps all passes over a set are."""
        return self.epochs * (sum(card.class_sizes) // self.tune_batch)

    def _usual(self, card: DatasetCard, generator: str) -> float:
        if generator != "embedded":
            return PUBLISHED_DECAY
        return round(max(0.0, 1.0 - 10.0 / max(10, self.steps(card))), 6)


@dataclass(frozen=True)
class Minimax(Tuning):
    """Minimax Diffusion: guesses of the clean latent cover the class and differ from each other."""

    revision: ClassVar[int] = 1


@dataclass(frozen=True)
class InversionMatching(Tuning):
    """IMS3's inversion matching: denoised latents point where inverted real latents do.

    For an image with clean latent z at timestep t, `1 - cos(p, q)` is lowered: p is the mean of the
    step back from the noisy latent, which the weights decide; q is what the network's own DDIM
    inversion makes of z and carries no gradient.
    """

    revision: ClassVar[int] = 1

    representative: float = 0.0
    """As in Minimax Diffusion: off here, 0.002 in the released script."""
    diverse: float = 0.0
    """As in Minimax Diffusion: off here, 0.008 in the released script."""
    matching: float = 0.002
    """Weight of the matching; 0 is off."""
    pairing: Literal["diagonal", "all"] = "diagonal"
    """Each image with itself (paper), or all images of a batch with all (code)."""
    inversion: Literal["step", "chain"] = "step"
    """One step at t that takes the clean latent for a noisy one (code), or the inversion of the
    clean latent by Euler steps from the first timestep on (paper)."""
    offset: Literal[0, 2] = 2
    """Timesteps of q ahead of p, which is at t - 1: 2 in the code, 0 in the paper."""
    inversion_steps: int = 10
    """Euler steps of "chain"."""
    clip: bool = True
    """Clip the clean latent that the inversion guesses to [-1, 1], as the code does."""

    def resolve(self, card: DatasetCard, source: Source, generator: str) -> Self:
        """Fill in the decay; UsageError as ever, and for a step that would invert nothing."""
        if self.inversion == "step" and self.offset == 0:
            raise UsageError(
                "`offset=0` is what an inversion from the first timestep on arrives at, and one "
                "step at t would move to less noise: write `inversion=chain,offset=0`."
            )
        return super().resolve(card, source, generator)

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        super().__post_init__()
        check_not_negative(matching=self.matching)
        check_choice(self.pairing, Literal["diagonal", "all"], "pairing")
        check_choice(self.inversion, Literal["step", "chain"], "inversion")
        if self.inversion_steps < 1:
            raise ValueError(f"`inversion_steps` must be at least 1, got {self.inversion_steps}.")
        if self.offset not in (0, 2):
            raise ValueError(f"`offset` must be 0 or 2, got {self.offset}.")


CONDENSED = InversionMatching(representative=0.002, diverse=0.008)
"""Inversion matching beside the terms of Minimax Diffusion, as IMS3's script has it."""

TUNINGS: dict[str, Tuning | None] = {
    "pretrained": None,
    "minimax": Minimax(),
    "im": InversionMatching(),
    "ims3": CONDENSED,
}
"""What weights a generator can have, by name; None are the pretrained ones."""
