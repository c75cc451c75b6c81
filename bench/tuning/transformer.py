"""Where a tuning meets a generator: the transformer in it, and the generator with tuned weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError, UsageError
from bench.generators.diffusion_transformer import DiffusionTransformer
from bench.tuning.difference import fold

if TYPE_CHECKING:
    from torch import Tensor

    from bench.generators.interface import Generator


def transformer_of(generator: Generator) -> Any:
    """Return a generator's `DiTTransformer2DModel`; UsageError if it is made otherwise."""
    return _checked(generator).transformer


def tuned_generator(
    generator: Generator, difference: Mapping[str, Tensor], weights: str
) -> Generator:
    """Fold a difference into a freshly opened generator and return it under the name `weights`.

    BenchError if the difference is that of another network.
    """
    base = _checked(generator)
    try:
        fold(base.transformer, difference)
    except ValueError as error:
        raise BenchError(
            f"The tuned weights are not those of {base.card.name!r} ({error}): delete their "
            "folder, and they are made anew."
        ) from error
    return DiffusionTransformer(replace(base.card, weights=weights), base.codec, base.transformer)


def _checked(generator: Generator) -> DiffusionTransformer:
    if not isinstance(generator, DiffusionTransformer):
        raise UsageError(
            f"A tuning needs a diffusion transformer with class tables, which "
            f"{generator.card.name!r} is not: take another `generator`, or `weights=pretrained`."
        )
    return generator
