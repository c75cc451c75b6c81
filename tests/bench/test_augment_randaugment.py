from __future__ import annotations

import pytest
import torch
from torchvision.transforms import v2

from bench.augment.randaugment import (
    OPERATIONS,
    SIGNED,
    apply_operation,
    draw_operations,
    randaugment,
)

THEIRS = {
    "shear-x": "ShearX",
    "shear-y": "ShearY",
    "translate-x": "TranslateX",
    "translate-y": "TranslateY",
    "rotate": "Rotate",
    "brightness": "Brightness",
    "colour": "Color",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "identity": "Identity",
    "posterize": "Posterize",
    "solarize": "Solarize",
    "auto-contrast": "AutoContrast",
    "equalize": "Equalize",
}


class Single(v2.RandAugment):
    """Torchvision's RandAugment with one operation to choose from."""

    def __init__(self, operation, level):
        super().__init__(num_ops=1, magnitude=level)
        name = THEIRS[operation]
        self._AUGMENTATION_SPACE = {name: v2.RandAugment._AUGMENTATION_SPACE[name]}


def images(num):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (num, 3, 20, 24), generator=generator, dtype=torch.uint8)


def test_the_operations_are_those_of_torchvision():
    space = v2.RandAugment._AUGMENTATION_SPACE
    assert {THEIRS[name] for name in OPERATIONS} == set(space)
    signed = {name for name, (_, signed) in space.items() if signed}
    assert {THEIRS[name] for name in SIGNED} == signed


@pytest.mark.parametrize("level", [0, 6, 9, 30])
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "solarize"])
def test_every_operation_equals_torchvision_for_both_signs(operation, level):
    batch = images(2)
    ours = [apply_operation(batch, operation, negative, level) for negative in (False, True)]
    seen = set()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(12):
            theirs = Single(operation, level)(batch)
            equal = {sign for sign in (0, 1) if torch.equal(ours[sign], theirs)}
            assert equal
            seen |= equal
    assert seen == {0, 1}


@pytest.mark.parametrize(("level", "threshold"), [(0, 255.0), (6, 204.0), (9, 178.5), (30, 0.0)])
def test_solarize_inverts_from_the_threshold_of_the_published_pipeline(level, threshold):
    # torchvision.transforms, which IMS3 uses; v2 misses 204 by a rounding error of float32.
    batch = images(2)
    theirs = torch.where(batch >= threshold, 255 - batch, batch)
    assert torch.equal(apply_operation(batch, "solarize", False, level), theirs)


def test_images_are_treated_in_groups_as_they_would_be_alone():
    batch = images(12)
    operations, negative = draw_operations(12, 2, torch.Generator().manual_seed(4))
    ours = randaugment(batch, operations, negative, 6)
    for i in range(12):
        alone = batch[i : i + 1]
        for turn in range(2):
            name = OPERATIONS[operations[i, turn]]
            alone = apply_operation(alone, name, bool(negative[i, turn]), 6)
        assert torch.equal(ours[i], alone[0])


def test_the_given_images_are_not_changed():
    batch = images(6)
    before = batch.clone()
    solarize = torch.full((6, 1), OPERATIONS.index("solarize"))
    randaugment(batch, solarize, torch.zeros(6, 1, dtype=torch.bool), 9)
    assert torch.equal(batch, before)


def test_operations_and_signs_are_drawn_evenly():
    operations, negative = draw_operations(14_000, 1, torch.Generator().manual_seed(0))
    counts = operations.flatten().bincount(minlength=14)
    assert counts.min() > 850  # 1000 expected, standard deviation 30
    assert counts.max() < 1150
    assert negative.float().mean() == pytest.approx(0.5, abs=0.02)
