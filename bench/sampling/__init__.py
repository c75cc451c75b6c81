"""Sampling: how images are drawn from a generator, as one spec that methods carry.

`sampler` does it, `schedule` holds the tables and the steps, `hook` what a method may change,
`subgroups` which of the images are kept.
Looking the spec up imports no library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from bench.errors import UsageError
from bench.generators import GENERATORS, Pretrained, find_generator
from bench.sampling.schedule import Schedule, Scheduler, timesteps
from bench.sampling.subgroups import S3
from bench.training.recipe import Numerics
from bench.tuning.run import Tuned
from bench.tuning.specs import TUNINGS, Tuning

if TYPE_CHECKING:
    from bench.contracts import Artefact
    from bench.generators.card import Betas
    from bench.generators.interface import Generator, Source
    from bench.sets import DatasetCard

SELECTIONS: dict[str, S3 | None] = {"all": None, "s3": S3()}
"""What may choose among the sampled images, by name."""

MOST_LISTED = 10
"""Classes that a message names."""


@dataclass(frozen=True)
class Sampling:
    """Which generator, and how it is sampled from; every generator method has one.

    Defaults are those of the `sample.py` of Minimax Diffusion, MGD3 and IGD.
    """

    generator: str | None = None
    """Name in `bench.generators`; None means the first that is meant for the set."""
    weights: Tuning | None = field(default=None, metadata={"choices": lambda: TUNINGS})
    """Which weights: "pretrained" (None), or those that the tuning "minimax", "im" or "ims3" makes
    of them."""
    class_map: tuple[str, ...] = ()
    """`class:generator class` for classes that the generator knows by another id, or that it is to
    draw by another prompt; the others keep their own."""
    select: S3 | None = field(default=None, metadata={"choices": lambda: SELECTIONS})
    """Which of the sampled images are kept: "all" (None), or what the selection "s3" chooses."""
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
        _check_pairs(self.class_map)

    def mapping(self) -> dict[str, str]:
        """Return the generator's class id, or the prompt, of the classes that `class_map` names."""
        pairs = (pair.partition(":") for pair in self.class_map)
        return {class_id.strip(): shown.strip() for class_id, _, shown in pairs}

    def resolve(self, card: DatasetCard) -> Self:
        """Fill in the generator and the selection's fields; neither data nor weights are opened.

        UsageError if the generator is unknown or does not know a class of the set, or if the class
        map names a class that the set does not have.
        """
        mapping = self.mapping()
        for class_id in mapping:
            if class_id not in card.classes:
                raise UsageError(
                    f"`class_map` names {class_id!r}, which is no class of {card.name!r}: its "
                    f"classes are {_listed(card.classes)}."
                )
        shown = [mapping.get(class_id, class_id) for class_id in card.classes]
        name = self.generator or _generator_for(card, shown)
        source = find_generator(name)
        unknown = [c for c in shown if source.classes and c not in source.classes]
        if unknown:
            raise UsageError(
                f"The generator {name!r} does not know {len(unknown)} of the {card.num_classes} "
                f"classes of {card.name!r} (such as {unknown[0]!r}): choose another `generator` or "
                "a set whose classes it knows, or say by `class_map` which of them are meant."
            )
        select = None if self.select is None else self.select.resolve(card, source)
        weights = None if self.weights is None else self.weights.resolve(card, source, name)
        return replace(self, generator=name, select=select, weights=weights)

    def source(self) -> Source:
        """Return where the generator comes from; of a resolved spec only."""
        return find_generator(self._settled())

    def pretrained(self) -> Pretrained:
        """Return the artefact of the generator; of a resolved spec only.

        Raises BenchError if its weights are missing.
        """
        return Pretrained.of(self._settled())

    def network(self, card: DatasetCard, seed: int) -> Artefact[Generator]:
        """Return the artefact of the generator with these weights; of a resolved spec only.

        `seed` is the distillation seed, which counts for a tuning of its own alone.
        """
        if self.weights is None:
            return self.pretrained()
        pairs = tuple(sorted(f"{one}:{other}" for one, other in self.mapping().items()))
        return Tuned.of(self.pretrained(), self.weights, card, pairs, seed)

    def needs(self, card: DatasetCard) -> tuple[Artefact[Any], ...]:
        """Return what is known to be needed before the distillation seed is."""
        own = self.weights is not None and self.weights.tune_per_seed
        return (self.pretrained() if own else self.network(card, 0),)

    def schedule(self, betas: Betas) -> Schedule:
        """Return the schedule for a generator trained with these variances."""
        return Schedule.of(self.scheduler, self.steps, betas)

    def _settled(self) -> str:
        if self.generator is None:
            raise ValueError("`generator` must be filled in by `resolve`, got None.")
        return self.generator


def _generator_for(card: DatasetCard, shown: Sequence[str]) -> str:
    for name, source in GENERATORS.items():
        meant = not source.sets or card.name in source.sets
        if meant and source.classes and set(shown) <= set(source.classes):
            return name
    raise UsageError(
        f"No generator is meant for the classes of {card.name!r} (such as {shown[0]!r}): "
        f"name one as `generator` ({', '.join(GENERATORS)}), or take a set whose classes are "
        "WordNet ids of ImageNet."
    )


def _check_pairs(class_map: tuple[str, ...]) -> None:
    named = set()
    for pair in class_map:
        class_id, colon, shown = (part.strip() for part in pair.partition(":"))
        if not (class_id and colon and shown):
            raise ValueError(f"`class_map` must hold `class:generator class` pairs, got {pair!r}.")
        if class_id in named:
            raise ValueError(f"`class_map` must name every class once, got {class_id!r} again.")
        named.add(class_id)


def _listed(classes: Sequence[str]) -> str:
    shown = ", ".join(repr(class_id) for class_id in classes[:MOST_LISTED])
    return shown + (f" and {len(classes) - MOST_LISTED} more" if len(classes) > MOST_LISTED else "")
