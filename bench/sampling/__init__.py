"""Sampling: how images are drawn from a generator, as one spec that methods carry.

`sampler` does it, `schedule` holds the tables and the steps, `hook` what a method may change.
Looking the spec up imports no library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from bench.errors import UsageError
from bench.generators import GENERATORS, Pretrained, find_generator
from bench.sampling.schedule import Schedule, Scheduler, timesteps
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    from bench.generators.card import Betas
    from bench.generators.interface import Source
    from bench.sets import DatasetCard


@dataclass(frozen=True)
class Sampling:
    """Which generator, and how it is sampled from; every generator method has one.

    Defaults are those of the `sample.py` of Minimax Diffusion, MGD3 and IGD.
    """

    generator: str | None = None
    """Name in `bench.generators`; None means the first that is meant for the set."""
    weights: Literal["pretrained"] = "pretrained"
    """Which weights: the pretrained ones, or those of a tuning."""
    select: Literal["all"] = "all"
    """Which of the sampled images are kept: all, or what a selection chooses."""
    scheduler: Scheduler = "ddpm"
    """"ddpm" with learned variance, or deterministic "ddim"."""
    steps: int = 50
    """Network evaluations per image, each of two branches unless `cfg` is 1."""
    cfg: float = 4.0
    """Classifier-free guidance scale; 1 is off."""
    batch: int = field(default=64, metadata={"identity": False})
    """Images sampled together, at most: memory and speed, never which noise an image gets."""
    numerics: Numerics = "tf32"
    """Precision of products on a GPU ("tf32" equals "fp32" on a CPU); "bf16" anywhere."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        timesteps(self.scheduler, self.steps)
        if self.cfg < 1.0:
            raise ValueError(f"`cfg` must be at least 1.0 (1.0 is off), got {self.cfg}.")
        if self.batch < 1:
            raise ValueError(f"`batch` must be at least 1, got {self.batch}.")

    def resolve(self, card: DatasetCard) -> Self:
        """Fill in the generator; UsageError if it is unknown or does not know a class of the set.

        Neither data nor weights are opened.
        """
        name = self.generator or _generator_for(card)
        source = find_generator(name)
        unknown = [c for c in card.classes if source.classes and c not in source.classes]
        if unknown:
            raise UsageError(
                f"The generator {name!r} does not know {len(unknown)} of the {card.num_classes} "
                f"classes of {card.name!r} (such as {unknown[0]!r}): choose another `generator`, "
                "or a set whose classes it knows."
            )
        return replace(self, generator=name)

    def source(self) -> Source:
        """Return where the generator comes from; of a resolved spec only."""
        return find_generator(self._settled())

    def pretrained(self) -> Pretrained:
        """Return the artefact of the generator; of a resolved spec only.

        Raises BenchError if its weights are missing.
        """
        return Pretrained.of(self._settled())

    def schedule(self, betas: Betas) -> Schedule:
        """Return the schedule for a generator trained with these variances."""
        return Schedule.of(self.scheduler, self.steps, betas)

    def _settled(self) -> str:
        if self.generator is None:
            raise ValueError("`generator` must be filled in by `resolve`, got None.")
        return self.generator


def _generator_for(card: DatasetCard) -> str:
    for name, source in GENERATORS.items():
        meant = not source.sets or card.name in source.sets
        if meant and source.classes and set(card.classes) <= set(source.classes):
            return name
    raise UsageError(
        f"No generator is meant for the classes of {card.name!r} (such as {card.classes[0]!r}): "
        f"name one as `generator` ({', '.join(GENERATORS)}), or take a set whose classes are "
        "WordNet ids of ImageNet."
    )
