"""IGD: sampling steered to images from which a network would learn what real images teach it.

Paper:     Chen et al., "Influence-Guided Diffusion for Dataset Distillation", ICLR 2025.
Reference: mchen725/DD_IGD @ 912e868, sample.py, sample_mp.sh, train_ckpt.sh,
           test_ckpts_grad_sim.py; the guided step as two forks have it alike:
           Lokshaw-Chau/MinimaxDiffusion, miaostudy/RAE-IGD-DMVAE, diffusion/gaussian_diffusion.py.
Differs:   the decoded image is that of the condition alone, where the code averages over both
           halves of its doubled batch (effect UNVERIFIED). One backward pass of the summed loss
           takes the place of one for every checkpoint, which is the same sum. The surrogate's
           images are normalised by ImageNet's statistics and not to [-1, 1], while training,
           guidance and real gradients agree. Classes with fewer than 200 images are taken as they
           are, and a last shorter batch of them is kept. Checkpoints are selected by the published
           rule and not from the published lists. The weight of the deviation is scaled to the size
           of the latent (field `scale`). Classes are sampled beside each other, the images of a
           class one after another as in the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from bench.backbones.requests import requested_students
from bench.errors import UsageError
from bench.generating import Generating
from bench.guidance import check_fraction, check_not_negative, per_element, published_row
from bench.surrogates.gradients import ClassGradients
from bench.surrogates.trajectory import Trajectory
from bench.tuning.specs import Minimax

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact, Student
    from bench.generators.interface import Source
    from bench.sampling.hook import Hook
    from bench.sets import DatasetCard

SMALL = 128
"""Pixels per side below which the surrogate is a small one of ours."""


@dataclass(frozen=True)
class IGD(Generating):
    """Draw images whose training gradients are those of their class, and which differ.

    Influence: every image is moved so that the gradients it gives a surrogate in the course of its
    training turn to those of the real images. Deviation: it is moved away from the most similar
    earlier image of its class. With a selection, every group of candidates remembers its own.
    """

    revision: ClassVar[int] = 1
    depends_on_ipc: ClassVar[Literal["never", "grouped", "always"]] = "grouped"
    slowdown: ClassVar[float] = 2.8

    influence: float | None = None
    """Weight of the influence (k). None is 5; with weights tuned by Minimax 15, and 10 for
    ImageWoof and ImageNet-1K (Table 7). 0 is off."""
    deviation: float | None = None
    """Weight of the deviation (gamma). None is 50 up to IPC 10 and 120 above, and 120 for
    ImageNet-1K; with weights tuned by Minimax 10, for ImageWoof 50 up to IPC 10 and 100 above, and
    100 for ImageNet-1K (Table 7 and README); scaled as `scale` says. 0 is off."""
    low: float = 30 / 49
    """Fraction of the schedule of the last guided step (sample_mp.sh)."""
    high: float = 45 / 49
    """Fraction of the schedule of the first guided step: with 50 steps, 45 to 30 are guided."""
    memory: int = 64
    """Images of a class that are remembered, at most; the oldest go."""
    repeat: int = 1
    """How often a guided step is taken, noised again in between; 1 in the scripts."""
    images: int = 200
    """Real images of a class behind its gradient (grad_ipc), the first in their order."""
    surrogate: str | None = None
    """Student with instance norm. None is ConvNet-6, as in the code, and "convnet3[width=32]" for
    images below 128 pixels."""
    surrogate_epochs: int | None = None
    """Epochs of the surrogate; None is 50, as in the code, and 12 for images below 128 pixels."""
    threshold: float = 0.7
    """Cosine of the classes' gradients below which a checkpoint is another one."""
    checkpoints: tuple[int, ...] = ()
    """Epochs of the surrogate that are asked, by hand; () selects them by `threshold`."""
    base: float = 0.0015
    """Root mean square of the influence's displacement at weight 1, beside the predicted noise."""
    scale: Literal["element", "published"] = "element"
    """Whether None for `deviation` is the published weight for every latent, or moves every
    element of a smaller latent as far as the published one does."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        check_not_negative(influence=self.influence, deviation=self.deviation, base=self.base)
        check_fraction(low=self.low, high=self.high)
        if self.low > self.high:
            raise ValueError(f"`low` must not be above `high`, got {self.low} and {self.high}.")
        for name in ("memory", "repeat", "images", "surrogate_epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        if not -1.0 <= self.threshold <= 1.0:
            raise ValueError(f"`threshold` must lie between -1 and 1, got {self.threshold}.")

    def filled(self, card: DatasetCard, ipc: int, source: Source) -> Self:
        """Fill in both weights and the surrogate.

        UsageError for a surrogate that does not know images apart, or without such epochs.
        """
        small = source.image_size < SMALL
        surrogate = self.surrogate or ("convnet3[width=32]" if small else "convnet6")
        epochs = self.surrogate_epochs or (12 if small else 50)
        _student(surrogate)
        _check_epochs(self.checkpoints, epochs)
        usual = usual_strengths(card, ipc, minimax=isinstance(self.sampling.weights, Minimax))
        influence, deviation = self.influence, self.deviation
        if influence is None:
            influence = usual.influence
        if deviation is None:
            deviation = usual.deviation
            if self.scale == "element":
                deviation = per_element(deviation, source.latent_shape, 1.0)
        return replace(
            self,
            influence=influence,
            deviation=deviation,
            surrogate=surrogate,
            surrogate_epochs=epochs,
        )

    def artefacts(self, card: DatasetCard, ipc: int) -> tuple[Artefact[Any], ...]:
        """Return the surrogate and the gradients of the classes; nothing for influence 0."""
        if not self.influence:
            return ()
        gradients = self._gradients(card)
        return (gradients.trajectory, gradients)

    def hook(self, card: DatasetCard, ipc: int, ctx: Context) -> Hook | None:
        """Return the guidance; None if both weights are 0."""
        from methods.igd_hook import Influence, InfluenceGuidance
        from methods.igd_memory import Memory

        assert self.influence is not None
        assert self.deviation is not None
        if not self.influence and not self.deviation:
            return None
        gradients = None
        if self.influence:
            needed = self._gradients(card)
            gradients = Influence(ctx.get(needed.trajectory), ctx.get(needed))
        return InfluenceGuidance(
            influence=self.influence,
            deviation=self.deviation,
            low=self.low,
            high=self.high,
            base=self.base,
            repeat=self.repeat,
            memory=Memory(self.memory),
            gradients=gradients,
        )

    def _gradients(self, card: DatasetCard) -> ClassGradients:
        assert self.surrogate is not None
        assert self.surrogate_epochs is not None
        trajectory = Trajectory(
            card.name,
            card.train_revision,
            self.surrogate,
            _student(self.surrogate).revision,
            self.sampling.source().image_size,
            epochs=self.surrogate_epochs,
        )
        return ClassGradients(
            trajectory,
            count=self.images,
            threshold=self.threshold,
            checkpoints=self.checkpoints,
        )


class Strengths(NamedTuple):
    """Weights of both parts of the guidance."""

    influence: float
    deviation: float


def usual_strengths(card: DatasetCard, ipc: int, *, minimax: bool) -> Strengths:
    """Return the published weights: paper, Table 7, and README of mchen725/DD_IGD.

    Published for ImageNette and ImageWoof at IPC 10, 50 and 100 and for ImageNet-1K; other numbers
    of images and other sets, which are taken as ImageNette, are UNVERIFIED. With `minimax`, those
    for weights tuned by Minimax.
    """
    row, few = published_row(card), ipc <= 10
    if not minimax:
        return Strengths(5.0, 50.0 if few and row != "imagenet1k" else 120.0)
    if row == "imagenet1k":
        return Strengths(10.0, 100.0)
    if row == "imagewoof":
        return Strengths(10.0, 50.0 if few else 100.0)
    return Strengths(15.0, 10.0)


def _student(request: str) -> Student:
    found = requested_students(request)
    if len(found) != 1:
        raise UsageError(f"`surrogate` must name one network, got {len(found)} in {request!r}.")
    student = found[0].asked
    norm_used = getattr(student, "norm_used", None)  # students of third parties may lack it
    if norm_used and norm_used("instance") != "instance":
        raise UsageError(
            f"`surrogate` must be a network with instance norm, got {request!r}: its gradients of "
            "single images would depend on the batch."
        )
    return student


def _check_epochs(checkpoints: Sequence[int], epochs: int) -> None:
    wrong = [
        index
        for place, index in enumerate(checkpoints)
        if not 0 <= index <= epochs or (place and index <= checkpoints[place - 1])
    ]
    if wrong:
        raise UsageError(
            f"`checkpoints` must be epochs of the surrogate's {epochs}, ascending, got {wrong[0]}."
        )
