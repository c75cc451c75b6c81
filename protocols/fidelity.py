"""How distilled images look beside the real ones, without a student.

Papers:    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
           Equilibrium", NeurIPS 2017 (FID); Chong & Forsyth, "Effectively Unbiased FID and
           Inception Score and Where to Find Them", CVPR 2020 (FID to infinity); Binkowski et al.,
           "Demystifying MMD GANs", ICLR 2018 (KID); Kynkaanniemi et al., NeurIPS 2019 (precision,
           recall); Naeem et al., ICML 2020 (density, coverage); Alaa et al., "How Faithful is your
           Synthetic Data?", ICML 2022 (authenticity).
Reference: mseitzer/pytorch-fid 0.3.0, fid_score.py; GaParmar/clean-fid 0.1.35, fid.py;
           clovaai/generative-evaluation-prdc, prdc.py; ManifoldGD, kl.py (means, MMD,
           representativeness, diversity).
Differs:   FID by symmetric eigenvalues and not by a matrix root; KID over all pairs at once and
           not over random subsets; FID to infinity from the few sizes that a distilled set has;
           the images of representativeness and diversity keep their shape. The functions are those
           of `bench.metrics`, each with its source; docs/protocols/fidelity.md has the readings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

from bench.errors import BenchError, UsageError
from bench.studying import either
from bench.training.recipe import settled

if TYPE_CHECKING:
    import torch

    from bench.comparisons import Filling
    from bench.context import Context
    from bench.contracts import Artefact, Outcome, Student
    from bench.features.extractors import Extractor
    from bench.features.real import RealStatistics
    from bench.sets import DatasetCard, DistilledSet, ImageSet, RealSet
    from protocols.fidelity_sides import Sides

Split = Literal["train", "test"]

EMBEDDED = "embedded"
"""The network of the procedural sets, whose cards say so."""
USUAL = {"features": "inception-pytorch-fid", "embedding": "resnet18-imagenet"}
"""The networks of all other sets."""


@dataclass(frozen=True)
class Fidelity:
    """Distances of distilled images from the real ones in feature space, in all and by class.

    Every network sees the distilled images once, as they are stored, mosaics whole; the features of
    the real images are kept. Weights and soft labels are not used.
    """

    features: str | None = None
    """Network of FID, KID, precision, recall, density and coverage: `inception-pytorch-fid`,
    `inception-clean`, `inception-clean-legacy`, `resnet18-imagenet`, `embedded` or
    `<student>@<resolution>`, which is trained on the real set."""
    embedding: str | None = None
    """Network of the means, MMD, representativeness, diversity and nearest real images; it may be
    any of the same."""
    split: Split = "train"
    """The real images that are compared with: those that were distilled, or the test images."""
    num_real: int = 10_000
    """Real images at most in what looks at pairs of images (KID, neighbourhoods, and MMD with
    2,000 of them), evenly spaced within every class, but `neighbours` + 2 of each class at least;
    all other scores take all."""
    neighbours: int = 5
    """How many neighbours a neighbourhood reaches to."""
    draws: int = 10
    """Random subsets of every size behind FID to infinity."""

    revision: ClassVar[int] = 1
    uses_students: ClassVar[bool] = False
    of_references: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.split not in get_args(Split):
            raise ValueError(f"`split` must be one of 'train', 'test', got {self.split!r}.")
        for name in ("neighbours", "draws"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.num_real < 2 * self.neighbours:
            raise ValueError(
                f"`num_real` must be at least twice `neighbours`, which is {2 * self.neighbours}, "
                f"got {self.num_real}."
            )

    def resolve(self, card: DatasetCard, ipc: int | None, student: Student | None) -> Self:
        """Fill the networks that are None: the shipped one for procedural sets, else the usual."""
        drawn = card.features == EMBEDDED
        usual = {name: EMBEDDED if drawn else network for name, network in USUAL.items()}
        return replace(
            self,
            features=either(self.features, usual["features"]),
            embedding=either(self.embedding, usual["embedding"]),
        )

    def fillings(self) -> dict[str, Filling]:
        """Return what `resolve` fills every field with that is None, for people."""
        from bench.comparisons import Filling

        return {
            name: Filling(f"{EMBEDDED} for the procedural sets, {network} for all others")
            for name, network in USUAL.items()
            if getattr(self, name) is None
        }

    def needs(self, card: DatasetCard, student: Student | None) -> tuple[Artefact[Any], ...]:
        """Return the statistics of the real images for each network; they need the features."""
        return tuple(self._statistics(extractor, card) for extractor in self._extractors(card))

    def check(self, card: DatasetCard, student: Student | None) -> None:
        """Raise UsageError for unknown networks, missing weights or classes that are too small."""
        for extractor in self._extractors(card):
            extractor.check()
        smallest = min(range(card.num_classes), key=lambda label: card.class_sizes[label])
        if self.split == "train" and card.class_sizes[smallest] <= self.neighbours:
            raise UsageError(
                f"Neighbourhoods of {self.neighbours} need more training images than that in every "
                f"class, but {card.classes[smallest]!r} of {card.name!r} has "
                f"{card.class_sizes[smallest]}: choose fewer, as in `fidelity[neighbours=1]`."
            )

    def evaluate(
        self, distilled: DistilledSet, real: RealSet, student: Student | None, ctx: Context
    ) -> Outcome:
        """Compare the distilled images with the real ones.

        Scores: those of `bench.scores.SCORES` of the group "images", without what is undefined
        for so few images. Files: the sheets "distilled", "nearest" and "real", and "points".
        """
        from bench.context import artefact_streams
        from bench.contracts import Outcome
        from protocols.fidelity_cards import cards, facts
        from protocols.fidelity_files import write_points, write_sheets
        from protocols.fidelity_scores import distribution, embedding

        images = self._images(real)
        sides = {
            one.name: self._sides(one, distilled, images, real.card, ctx)
            for one in self._extractors(real.card)
        }
        first, second = (sides[name] for name in self._names)
        # No stream of the seed: equal sets have equal scores, whatever seed they came from.
        rng = artefact_streams(0).torch("fid-extrapolated")
        spread = distribution(first, self.neighbours, self.draws, rng)
        means, nearest = embedding(second)
        said = (distilled, self.split, self.neighbours)
        return Outcome(
            scores={**spread.scores, **means.scores},
            per_class={**spread.per_class, **means.per_class},
            facts={**facts(first, list(sides.values())), **spread.facts, **means.facts},
            cards={**cards(first, spread, *said), **cards(second, means, *said)},
            files={
                **write_sheets(ctx.work, images, distilled, nearest),
                "points": write_points(ctx.work, second, distilled.classes, self.split),
            },
        )

    def seconds(
        self,
        card: DatasetCard,
        num_images: int,
        student: Student | None,
        num_test: int,
        device: torch.device,
    ) -> float:
        """Estimate the time of one `evaluate` from a batch of noise, real features apart."""
        from protocols.fidelity_time import of_networks, of_scores

        networks = of_networks(self._extractors(card), card.resolution, device)
        first, second = (networks[name][1] for name in self._names)
        real = sum(card.class_sizes) if self.split == "train" else num_test
        own = of_scores(
            (first, second), num_images, real, self.num_real, card.num_classes, self.draws
        )
        return own + num_images * sum(each for each, _ in networks.values())

    @property
    def _names(self) -> tuple[str, str]:
        return settled(self.features, "features"), settled(self.embedding, "embedding")

    def _extractors(self, card: DatasetCard) -> list[Extractor]:
        """Return the networks, each once; UsageError for unknown names."""
        from bench.features.extractors import find_extractor

        names = dict.fromkeys(self._names)
        return [find_extractor(name, card.name, card.train_revision) for name in names]

    def _statistics(self, extractor: Extractor, card: DatasetCard) -> RealStatistics:
        from bench.features.real import real_statistics

        return real_statistics(extractor, card, self.split, self.num_real, self.neighbours)

    def _sides(
        self,
        extractor: Extractor,
        distilled: DistilledSet,
        images: ImageSet,
        card: DatasetCard,
        ctx: Context,
    ) -> Sides:
        """Return real and distilled features of one network, after its pass over the latter."""
        import torch

        from bench.features.passes import Passed, features_of
        from bench.features.real import exact_device, real_features
        from protocols.fidelity_sides import Sides

        passed = Passed()
        features = torch.from_numpy(features_of(distilled.images, extractor, ctx, passed))
        return Sides(
            extractor,
            ctx.get(self._statistics(extractor, card)),
            ctx.get(real_features(extractor, card, self.split)),
            images.labels,
            features.to(exact_device(ctx.device), torch.float64),
            distilled.labels,
            card.num_classes,
            passed.compiled,
        )

    def _images(self, real: RealSet) -> ImageSet:
        """Return the real images that are compared with; BenchError if they are too few."""
        images = real.train if self.split == "train" else real.test
        if len(images) <= self.neighbours:
            raise BenchError(
                f"Neighbourhoods of {self.neighbours} need more images than that, but "
                f"{real.card.name!r} has {len(images)} {self.split} images: choose fewer, as in "
                "`fidelity[neighbours=1]`."
            )
        return images
