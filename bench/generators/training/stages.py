"""The five stages by name, each as it is run from the command line, in one folder.

<out>/<stage>/...          checkpoints, losses, weights and facts of a training
<out>/gates/...            judges, gates.json, samples.png
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from bench import specs
from bench.errors import BenchError, unknown_name
from bench.generators.architecture import (
    IMAGE_SIZE,
    LATENT_SHAPE,
    embedded_autoencoder,
    embedded_transformer,
)  # fmt: skip
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.diffusion_transformer import DiffusionTransformer, block_names
from bench.generators.training.autoencoder import AutoencoderSettings, train_autoencoder
from bench.generators.training.export import STAGES, export, file_name
from bench.generators.training.features import FeatureSettings, train_features
from bench.generators.training.gates import GateSettings, measure
from bench.generators.training.images import rendered
from bench.generators.training.log import read_losses
from bench.generators.training.result import WEIGHTS, load_weights
from bench.generators.training.stage import LOSSES, Watch
from bench.generators.training.transformer import TransformerSettings, train_transformer
from bench.shipped import CARD, CLASS_IDS

if TYPE_CHECKING:
    from bench.generators.training.images import Render

Settings = AutoencoderSettings | TransformerSettings | FeatureSettings | GateSettings

DEFAULTS: dict[str, Settings] = {
    "autoencoder": AutoencoderSettings(),
    "transformer": TransformerSettings(),
    "features": FeatureSettings(),
    "gates": GateSettings(),
}
TEST_IMAGES_PER_CLASS = 100


@dataclass(frozen=True)
class Request:
    """What was asked of one stage."""

    stage: str
    """A key of `DEFAULTS`, or "export"."""
    out: Path
    """The folder of all stages."""
    device: torch.device
    fields: tuple[tuple[str, str], ...] = ()
    """Settings that differ, as text."""
    like: Path | None = None
    """A generator's card whose settings are taken, and whose losses must come out again."""
    autoencoder: Path | None = None
    """Weights that the transformer is trained on; else those of `out`, or those beside `like`."""
    to: Path | None = None
    """Where "export" puts its files; else `out`/export."""
    watch: Watch = field(default_factory=Watch)


def run_stage(asked: Request, render: Render) -> list[str]:
    """Carry out one stage, or go on with it, and return what is to be said of it.

    Raises UsageError for an unknown stage or setting, BenchError for whatever else a user can mend,
    KeyboardInterrupt when it was interrupted, after a checkpoint.
    """
    if asked.stage == "export":
        to = asked.to or asked.out / "export"
        card = export(asked.out, to)
        return [f"{to}: {card['bytes'] / 1e6:.2f} MB of weights, and {CARD}."]
    if asked.stage not in DEFAULTS:
        raise unknown_name("stage", asked.stage, [*DEFAULTS, "export"])
    settings = settings_of(asked)
    done = _WORK[asked.stage](asked, settings, render)
    return [*done, *_compared(asked)]


def settings_of(asked: Request) -> Settings:
    """Return the settings of a stage: its defaults or those of a card, and what differs."""
    base = DEFAULTS[asked.stage]
    if asked.like is not None and asked.stage in STAGES:
        recorded = _card(asked.like)["stages"][asked.stage]["decided"]
        known = {name: recorded[name] for name in specs.plain(base) if name in recorded}
        base = msgspec.convert(known, type(base))
    return specs.override(base, dict(asked.fields), asked.stage)


def _autoencoder(asked: Request, settings: Any, render: Render) -> list[str]:
    images = rendered(render, "train", settings.images_per_class)
    tests = rendered(render, "test", TEST_IMAGES_PER_CLASS)
    folder = asked.out / "autoencoder"
    finished = train_autoencoder(images, tests, settings, folder, asked.device, asked.watch)
    return _said(folder, finished)


def _transformer(asked: Request, settings: Any, render: Render) -> list[str]:
    coder = trained_autoencoder(asked)
    images = rendered(render, "train", settings.images_per_class)
    folder = asked.out / "transformer"
    finished = train_transformer(images, coder, settings, folder, asked.device, asked.watch)
    return _said(folder, finished)


def _features(asked: Request, settings: Any, render: Render) -> list[str]:
    images = rendered(render, "train", settings.images_per_class)
    tests = rendered(render, "test", TEST_IMAGES_PER_CLASS)
    folder = asked.out / "features"
    finished = train_features(images, tests, settings, folder, asked.device, asked.watch)
    return _said(folder, finished)


def _gates(asked: Request, settings: Any, render: Render) -> list[str]:
    coder, coder_hash = trained_autoencoder(asked)
    transformer = embedded_transformer()
    transformer_hash = load_weights(transformer, asked.out / "transformer" / WEIGHTS)
    card = GeneratorCard(
        name="embedded",
        weights=transformer_hash,
        conditioning="class",
        classes=CLASS_IDS,
        image_size=IMAGE_SIZE,
        latent_shape=LATENT_SHAPE,
        layers=block_names(len(transformer.transformer_blocks)),
        uses_imagenet_labels=False,
    )
    codec = LatentCodec(coder.to(asked.device))
    generator = DiffusionTransformer(card, codec, transformer.to(asked.device))
    train = rendered(render, "train", settings.images_per_class)
    tests = rendered(render, "test", TEST_IMAGES_PER_CLASS)
    weights = {"autoencoder": coder_hash, "transformer": transformer_hash}
    folder = asked.out / "gates"
    report = measure(generator, train, tests, settings, weights, folder, asked.watch)
    return [
        f"{'reached' if gate['reached'] else 'MISSED '}  {gate['name']}: {gate['value']:.2f} "
        f"(limit {gate['limit']:g})"
        for gate in report["gates"]
    ] + [f"psnr of reconstructions: {report['psnr_db']:.2f} dB"]


_WORK: dict[str, Callable[[Request, Any, Render], list[str]]] = {
    "autoencoder": _autoencoder,
    "transformer": _transformer,
    "features": _features,
    "gates": _gates,
}


def trained_autoencoder(asked: Request) -> tuple[Any, str]:
    """Return the autoencoder that a later stage builds on, and the hash of its weights."""
    beside = asked.like.with_name(file_name("autoencoder")) if asked.like else None
    path = asked.autoencoder or beside or asked.out / "autoencoder" / WEIGHTS
    model = embedded_autoencoder()
    return model.requires_grad_(False), load_weights(model, path)


def _said(folder: Path, finished: bool) -> list[str]:
    if not finished:
        return [f"{folder} is not finished: run the same command again without `--stop-after`."]
    return [f"{folder / WEIGHTS} is finished."]


def _compared(asked: Request) -> list[str]:
    """Compare the losses of a training with those of the card it was to be like."""
    if asked.like is None or asked.stage not in STAGES:
        return []
    runs = _card(asked.like)["stages"][asked.stage]["runs"]
    return [
        _compared_run(asked.out / asked.stage / name, facts)
        for name, facts in runs.items()
        if (asked.out / asked.stage / name / LOSSES).exists()
    ]


def _compared_run(folder: Path, recorded: Mapping[str, Any]) -> str:
    here = {int(line["step"]): line["loss"] for line in read_losses(folder / LOSSES)}
    both = [(step, loss) for step, loss in recorded["losses"] if step in here]
    for step, loss in both:
        if here[step] != loss:
            raise BenchError(
                f"The loss of step {step} is {here[step]!r}, recorded is {loss!r}: expect equal "
                f"ones only on the recorded machine, {', '.join(recorded['devices'])}."
            )
    return f"{folder}: all {len(both)} recorded losses came out again."


def _card(path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise BenchError(
            f"`--like` must name a generator's {CARD}, got {str(path)!r}: {error}."
        ) from error
    return card
