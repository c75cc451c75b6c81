"""Which recipes the official scripts can follow, and what they make of the number of epochs.

Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, argument.py and train.py.
"""

from __future__ import annotations

from dataclasses import fields

from bench.training.recipe import Recipe

FREE = frozenset(
    (
        "resolution", "norm", "crop_scale", "flip", "jitter", "lighting", "mix_probability",
        "mix_alpha", "lr", "momentum", "weight_decay", "gamma", "epochs", "batch", "evaluations",
    )
)  # fmt: skip
"""Fields of a recipe that may have any value; of the others the scripts know the default."""
ALSO: dict[str, tuple[str, ...]] = {"mix": ("none",), "numerics": ("fp32",)}
"""Values beside the default that a field may have."""


def require_spoken(recipe: Recipe) -> None:
    """Raise ValueError if the official scripts know nothing of what a recipe asks for."""
    for field in fields(Recipe):
        values = (field.default, *ALSO.get(field.name, ()))
        value = getattr(recipe, field.name)
        if field.name not in FREE and value not in values:
            known = " or ".join(repr(known) for known in values)
            raise ValueError(
                f"The reference loop knows `{field.name}` of {known} only, got {value!r}: "
                "compare with another recipe."
            )


def milestones(epochs: int) -> list[int]:
    """Return the epochs at which the rate is cut: two thirds and five sixths, rounded down."""
    return [2 * epochs // 3, 5 * epochs // 6]


def due(epoch: int, epochs: int, evaluations: int) -> bool:
    """Say whether the student is tested after `epoch` of `epochs` finished epochs."""
    return epoch % max(1, epochs // evaluations) == 0 or epoch == epochs
