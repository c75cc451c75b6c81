"""S3, selective subgroup sampling: draw several groups of every class, keep the one that fits best.

Paper:     "IMS3: Breaking Distributional Aggregation in Diffusion-Based Dataset Distillation",
           CVPR 2026 (arXiv 2603.13960), second part; the first is `bench.tuning`.
Reference: Westlake-AGI-Lab/IMS3, centroid.py and run.sh.
Differs:   sampling has the autoencoder "mse" (code: "ema") and images are clamped and rounded
           before they are embedded. Images are resized and cropped for the encoder, real ones too,
           where the code stretches those to 256 x 256. The encoder is a field: the code's has seen
           ImageNet's labels, "auto" takes it only where the generator has seen them as well.
           `eps` is that of the code's command line; run.sh sets 0, which can give infinities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from bench.features import IMAGENET, check_features, network_of
from bench.guidance import check_not_negative, published_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Source
    from bench.preparation.statistics import ClassStatistics
    from bench.sampling.subgroup_search import Weights
    from bench.sets import DatasetCard

    Images = Callable[[int], Iterator[NDArray[np.uint8]]]
    """From a label to blocks `[B, H, W, 3]` of the images of that class, in order."""


@dataclass(frozen=True)
class S3:
    """Sample `groups` times the IPC and keep one group of every class.

    A class's group is to lie near the real centre of the class and far from the chosen groups of
    the other classes, in the features of an encoder. All classes are chosen together.
    """

    revision: ClassVar[int] = 1

    groups: int = 5
    """Groups of IPC images that are sampled of every class (run.sh and the command line)."""
    alpha: float | None = None
    """Weight of nearness to the real centre. None: 0.4 on ImageWoof (run.sh), else 0.5, which is
    UNVERIFIED."""
    beta: float | None = None
    """Weight of the distance between classes. None: 0.9 on ImageWoof (run.sh), else 0.5, which is
    UNVERIFIED."""
    convention: Literal["code", "paper"] = "code"
    """Units of `beta`: the code sums over pairs of classes; the paper's is (C - 1) / 2 times as
    large for the same choice."""
    start: Literal["nearest", "random"] = "nearest"
    """Where the search starts: the group nearest to the real centre (code), or any (paper)."""
    sweeps: int = 5
    """Turns that every class takes in the search, at most (the code's command line)."""
    eps: float = 1e-6
    """Added inside of the logarithms (the code's command line; run.sh has 0)."""
    num_real: int = 200
    """Images whose features make the real centre of a class, at most (the code's command line)."""
    encoder: str = "auto"
    """Network of the features, as the coreset methods' `features`: `<student>@<resolution>`,
    "embedded", "resnet18-imagenet" (the code's), or "auto": "embedded" for the procedural sets,
    the code's where the generator has seen ImageNet's labels too, else the set's own."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        for name in ("groups", "sweeps", "num_real"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        check_not_negative(alpha=self.alpha, beta=self.beta)
        if self.eps <= 0:
            raise ValueError(f"`eps` must be above 0 (0 gives infinities), got {self.eps}.")
        if not self.encoder:
            raise ValueError("`encoder` must name a network, got ''.")

    @property
    def uses_imagenet_labels(self) -> bool:
        """Say whether the encoder has seen labels of ImageNet; of a resolved spec."""
        return self.encoder == IMAGENET

    def resolve(self, card: DatasetCard, source: Source) -> Self:
        """Fill in the weights and the encoder; UsageError if there is no such encoder."""
        alpha, beta = (0.4, 0.9) if published_row(card) == "imagewoof" else (0.5, 0.5)
        encoder = self.encoder
        if encoder == "auto":
            seen = source.uses_imagenet_labels and card.features != "embedded"
            encoder = IMAGENET if seen else card.features
        check_features(encoder)
        return replace(
            self,
            alpha=alpha if self.alpha is None else self.alpha,
            beta=beta if self.beta is None else self.beta,
            encoder=encoder,
        )

    def needs(self, card: DatasetCard) -> tuple[Artefact[Any], ...]:
        """Return the real centres and the encoder, if that is not fetched; of a resolved spec."""
        network = network_of(self.encoder, card.name, card.train_revision)
        return (self._real_centres(card), *(() if network is None else (network,)))

    def choose(
        self, card: DatasetCard, ipc: int, images: Images, ctx: Context
    ) -> NDArray[np.int64]:
        """Return the group of every class `[C]`, of a resolved spec.

        `images` gives blocks of the `groups * ipc` images of a label, group after group; a block
        is in memory at a time, and one vector for every group. Ties go to the lower group.
        """
        import numpy as np
        from threadpoolctl import threadpool_limits

        from bench.sampling.subgroup_search import nearness, search

        real = ctx.get(self._real_centres(card)).unit_mean.astype(np.float64)
        encode = self._encoder(card, ctx)
        labels = range(card.num_classes)
        centres = np.stack([self._centres(ipc, map(encode, images(label))) for label in labels])
        # One thread: sums are then taken in one order and the choice is that of every machine.
        with threadpool_limits(limits=1):
            if self.start == "nearest":
                start = nearness(centres, real, self.eps).argmax(axis=1)
            else:
                drawn = [ctx.streams.numpy("s3", c).integers(self.groups) for c in card.classes]
                start = np.array(drawn, dtype=np.int64)
            return search(centres, real, start, self.weights(card.num_classes), self.sweeps)

    def weights(self, num_classes: int) -> Weights:
        """Return the weights in the units of the code; of a resolved spec."""
        from bench.sampling.subgroup_search import Weights

        if self.alpha is None or self.beta is None:
            raise ValueError("`alpha` and `beta` must be filled in by `resolve`, got None.")
        pairs = 2 / max(1, num_classes - 1) if self.convention == "paper" else 1.0
        return Weights(self.alpha, self.beta * pairs, self.eps)

    def _real_centres(self, card: DatasetCard) -> ClassStatistics:
        from bench.features import Embeddings
        from bench.preparation.statistics import ClassStatistics

        of = Embeddings(card.name, card.train_revision, self.encoder)
        return ClassStatistics(of, count=self.num_real)

    def _encoder(
        self, card: DatasetCard, ctx: Context
    ) -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
        """Return what makes unit vectors `[B, d]` of images `[B, H, W, 3]`."""
        import numpy as np

        from bench.data.prefix import Prefix
        from bench.features import embed_images, opened_network

        model, side = opened_network(self.encoder, card.name, card.train_revision, ctx)
        prefix = Prefix(side, side)

        def encode(images: NDArray[np.uint8]) -> NDArray[np.float64]:
            pixels = np.stack([prefix.apply(image).transpose(2, 0, 1) for image in images])
            return _unit(embed_images(model, pixels, ctx.device).astype(np.float64))

        return encode

    def _centres(self, ipc: int, blocks: Iterator[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the centres `[G, d]` of the groups of one class: unit vectors, float64."""
        import numpy as np

        vectors = np.concatenate(list(blocks))
        assert len(vectors) == self.groups * ipc, (len(vectors), self.groups, ipc)
        return _unit(vectors.reshape(self.groups, ipc, -1).mean(axis=1))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows scaled to length 1; rows of length 0 stay."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1.0)
    return scaled
