"""Everything that decides how a network is trained and tested, as one frozen dataclass.

Published protocols differ in these fields and in nothing else; a protocol is a recipe with a table
of what was published. Sources, by the short names used below:

    minimax   vimar-gu/MinimaxDiffusion @ 969fc6f, train.py, data.py, argument.py, misc/utils.py
    idc       snu-mllab/Efficient-Dataset-Condensation @ ceac95a, train.py, test.py, argument.py
    igd       mchen725/DD_IGD @ 912e868, train.py
    ims3      Westlake-AGI-Lab/IMS3 @ 2ada72c, data.py, run.sh
    d3hr      lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate_hardlabel.py
    coda      zzzlt422/CoDA @ 0c12e44, test/train.py
    rded      LINs-lab/RDED @ 3f6453d, validation/main.py, validation/utils.py, argument.py
    fkd       VILA-Lab/SRe2L @ 8d00cba, relabel/generate_soft_label.py, validate/train_FKD.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

T = TypeVar("T")

Norm = Literal["instance", "batch"]
CropFrom = Literal["prefix", "stored"]
Mix = Literal["cutmix", "mixup", "none"]
Optimizer = Literal["sgd", "adamw"]
DecayOn = Literal["all", "matrices"]
Schedule = Literal["multistep", "half-cosine", "cosine"]
TestResize = Literal["resolution", "8/7"]
Numerics = Literal["tf32", "fp32", "bf16"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained on uint8 images and tested on others; defaults are Minimax's.

    A field of None means *as published for this set, IPC and student*; a protocol's `resolve`
    fills it, and training refuses a recipe that still has one.
    """

    resolution: int | None = None
    """Pixels per side that the network sees; 224 in most papers, 256 in coda."""
    norm: Norm | None = "instance"
    """Normalisation of the students that have a choice; idc and d3hr: batch for ResNet-18."""

    patches: int | None = 1
    """Strips per side that change places before the crop (`ShufflePatches`): 1 for none; the soft
    protocols of rded and vlcp have 2."""
    crop_from: CropFrom = "prefix"
    """Random crops are taken from the image already resized and centre-cropped to `resolution`
    ("prefix"; minimax), or from the image as it is stored ("stored"; rded, d3hr)."""
    crop_scale: tuple[float, float] | None = (0.5, 1.0)
    """Share of the area that a random crop covers; d3hr (0.08, 1). Aspect ratios 3/4 to 4/3."""
    crop_rounding: bool = False
    """Round the resized crop to 8 bits, as pipelines that crop PIL images do (ims3, d3hr)."""
    flip: float = 0.5
    """Probability of a horizontal flip."""
    randaugment_ops: int = 0
    """RandAugment operations per image, 0 for none; ims3 has 1. They work on 8-bit images, so
    that the crop is rounded whatever `crop_rounding` says."""
    randaugment_magnitude: int = 6
    """Magnitude of RandAugment, 0 to 30 (ims3: 6)."""
    jitter: float = 0.4
    """Brightness, contrast and saturation factors are uniform in 1 +- jitter; d3hr has 0."""
    lighting: float = 0.1
    """Standard deviation of the coefficients of the colour (PCA) noise; d3hr has 0."""

    mix: Mix = "cutmix"
    """How images of a batch are mixed; d3hr has "mixup"."""
    mix_probability: float = 1.0
    """Share of batches that are mixed; minimax has 0.5 for CIFAR."""
    mix_alpha: float | None = 1.0
    """The mixing ratio is drawn from Beta(alpha, alpha); 1 is uniform, rded's mixup has 0.8."""

    optimizer: Optimizer = "sgd"
    """SGD without Nesterov (minimax), or AdamW with betas (0.9, 0.999) and eps 1e-8 (igd, d3hr)."""
    lr: float | None = None
    """Learning rate of the first epoch."""
    momentum: float = 0.9
    """Momentum of SGD; AdamW has none."""
    weight_decay: float | None = None
    """Weight decay, coupled in SGD and decoupled in AdamW."""
    decay_on: DecayOn = "all"
    """Decay all parameters (minimax), or only those named "weight" of more than one dimension
    (rded, d3hr)."""

    schedule: Schedule = "multistep"
    """How the learning rate falls, once per epoch: by `gamma` at the milestones, along half a
    cosine that ends at half the rate (rded, d3hr), or along a whole one that ends near 0."""
    milestones: tuple[float, ...] = (2 / 3, 5 / 6)
    """Fractions of `epochs` (rounded down to an epoch) at which "multistep" cuts the rate."""
    gamma: float = 0.2
    """Factor of every cut."""

    epochs: int | None = None
    """Passes over the training images; grows as IPC falls."""
    batch: int | None = None
    """Training images per update; a last shorter batch is kept."""
    passes: int = 1
    """Forward passes of an update, of batch / passes images each, rounded up; every loss is divided
    by `passes`. A last short batch takes fewer, divided all the same; fkd has 2 of 512 images."""
    norm_updates: int = 1
    """Times that every batch enters the running statistics of batch norm; the soft protocols of
    rded and d3hr have 2, from a second pass of the student that is only logged."""

    evaluations: int | None = None
    """Test after epochs that are multiples of max(1, epochs // evaluations), and after the last:
    minimax has 100, idc 4, full-data runs test every epoch."""
    evaluate_after: int | None = 0
    """Test only after more than this many epochs; d3hr tests the last 99 of them."""
    evaluate_offset: int = 0
    """Test after this many epochs more than the multiples above; fkd, which counts epochs from 0,
    has 1: after 1, 11, ..., 291 and 300 of 300."""
    test_resize: TestResize = "resolution"
    """The shorter side of test images is resized to `resolution` (minimax), or to
    resolution // 7 * 8 (rded, d3hr), before the centre crop to `resolution`."""

    numerics: Numerics = "tf32"
    """float32 with TF32 products on GPUs that have them, plain float32, or bfloat16 autocast.
    Augmentation is float32 always, and on a CPU "tf32" is "fp32"."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            _one_of(name, getattr(self, name), choices)
        for name, least, most in _INTEGERS:
            _integer(name, getattr(self, name), least, most)
        for name, low, high in _NUMBERS:
            _number(name, getattr(self, name), low, high)
        if self.lr == 0.0 or self.mix_alpha == 0.0:
            name = "lr" if self.lr == 0.0 else "mix_alpha"
            raise ValueError(f"`{name}` must be above 0, got 0.0.")
        scale = self.crop_scale
        if scale is not None and (len(scale) != 2 or not 0.0 < scale[0] <= scale[1] <= 1.0):
            raise ValueError(
                f"`crop_scale` must be (low, high) with 0 < low <= high <= 1, got {scale}."
            )
        inside = all(0.0 < fraction < 1.0 for fraction in self.milestones)
        if not inside or list(self.milestones) != sorted(self.milestones):
            raise ValueError(
                "`milestones` must be ascending fractions between 0 and 1 (both excluded), "
                f"got {self.milestones}."
            )


_CHOICES: dict[str, tuple[object, ...]] = {
    "norm": (*get_args(Norm), None),
    "crop_from": get_args(CropFrom),
    "mix": get_args(Mix),
    "optimizer": get_args(Optimizer),
    "decay_on": get_args(DecayOn),
    "schedule": get_args(Schedule),
    "test_resize": get_args(TestResize),
    "numerics": get_args(Numerics),
}
_INTEGERS: tuple[tuple[str, int, float], ...] = (
    ("resolution", 1, math.inf),
    ("patches", 1, math.inf),
    ("randaugment_ops", 0, math.inf),
    ("randaugment_magnitude", 0, 30),
    ("epochs", 1, math.inf),
    ("batch", 1, math.inf),
    ("passes", 1, math.inf),
    ("norm_updates", 1, math.inf),
    ("evaluations", 1, math.inf),
    ("evaluate_after", 0, math.inf),
    ("evaluate_offset", 0, math.inf),
)
_FINITE = 1e300
_NUMBERS: tuple[tuple[str, float, float], ...] = (
    ("flip", 0.0, 1.0),
    ("jitter", 0.0, 1.0),
    ("lighting", 0.0, _FINITE),
    ("mix_probability", 0.0, 1.0),
    ("mix_alpha", 0.0, _FINITE),
    ("lr", 0.0, _FINITE),
    ("momentum", 0.0, 1.0),
    ("weight_decay", 0.0, _FINITE),
    ("gamma", 0.0, 1.0),
)


def _one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {listed}, got {value!r}.")


def _integer(name: str, value: Any, low: int, high: float) -> None:
    if value is None:
        return
    if not isinstance(value, int) or not low <= value <= high:
        above = "" if math.isinf(high) else f" and at most {high:g}"
        raise ValueError(
            f"`{name}` must be a whole number of at least {low}{above}, got {value!r}."
        )


def _number(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        limit = "finite" if high == _FINITE else f"at most {high:g}"
        raise ValueError(f"`{name}` must be at least {low:g} and {limit}, got {value!r}.")


def settled(value: T | None, name: str) -> T:
    """Return the value of a resolved field; ValueError if it is None still."""
    if value is None:
        raise ValueError(f"`{name}` is None: resolve the protocol, or give it a value.")
    return value
