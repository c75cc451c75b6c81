"""The loss of a mixed batch, and the optimizer of a recipe."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.augment.mix import Mixing
from bench.training.recipe import Recipe, settled

WHOLE = slice(None)
"""All rows of a batch."""


def mixed_loss(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None,
    mixing: Mixing | None,
    rows: slice = WHOLE,
) -> Tensor:
    """Return ratio * CE(logits, own label) + (1 - ratio) * CE(logits, partner's label).

    `logits` is `[b, C]`, of these rows of a batch whose `labels` are int64 `[B]`. A weight `[B]`
    goes with its label; the loss is the mean over the rows, not over the weights, because weights
    have mean 1 over the whole set.
    """
    own = _cross_entropy(logits, labels, weights, rows)
    if mixing is None:
        return own
    other = _cross_entropy(logits, labels, weights, mixing.partner[rows])
    return mixing.ratio * own + (1.0 - mixing.ratio) * other


def _cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor | None, of: slice | Tensor
) -> Tensor:
    if weights is None:
        return functional.cross_entropy(logits, labels[of])
    return (functional.cross_entropy(logits, labels[of], reduction="none") * weights[of]).mean()


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer of a resolved recipe; its rate is set anew for every epoch."""
    lr, groups = settled(recipe.lr, "lr"), decay_groups(model, recipe)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.999), eps=1e-8, fused=True)
    return torch.optim.SGD(groups, lr=lr, momentum=recipe.momentum, fused=True)


def decay_groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Split the parameters into those that decay and those that do not."""
    decay = settled(recipe.weight_decay, "weight_decay")
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        matrix = "weight" in name and parameter.ndim > 1
        decays = recipe.decay_on == "all" or matrix
        groups.setdefault(decay if decays else 0.0, []).append(parameter)
    return [{"params": members, "weight_decay": value} for value, members in groups.items()]
