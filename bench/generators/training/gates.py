"""What the trained networks reach on test images and samples, against what they must reach.

Classifiers that judge are trained on real images alone and have seen neither a reconstruction nor
a sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from bench.augment.colour import normalised
from bench.backbones import ConvNet, build_student, embed
from bench.files import replace_file
from bench.generators.architecture import IMAGE_SIZE
from bench.generators.interface import Generator
from bench.generators.training.features import EpochLearner, short_recipe
from bench.generators.training.figures import psnr, recognised, spreads
from bench.generators.training.images import (
    CLASSES_PER_SET,
    eight_bit,
    fingerprint,
    of_set,
    signed,
)  # fmt: skip
from bench.generators.training.result import plain
from bench.generators.training.stage import Watch, own_streams
from bench.generators.training.stage import train as train_stage
from bench.sampling import Sampling
from bench.sampling.hook import Job
from bench.sampling.sampler import generate
from bench.shipped import SETS
from bench.streams import Streams
from bench.training.examples import Examples
from bench.training.loop import train as train_student

REPORT, SAMPLES = "gates.json", "samples.png"
LOST_POINTS = 5.0
"""Most that the classifier may lose on reconstructions, in points of accuracy."""
RECOGNISED = {"shapenette": 80.0, "shapewoof": 60.0}
"""Least share of samples that the classifier must recognise, in percent."""
STUDENT_SHARE = 75.0
"""Least accuracy of a student of samples, in percent of that of a student of real images."""
LEAST_SPREAD = 0.5
"""Least spread of the samples of any class, as a share of that of its test images; our choice."""
BATCH = 500


@dataclass(frozen=True)
class GateSettings:
    """What the figures follow from, besides the networks that are judged."""

    seed: int = 0
    images_per_class: int = 500
    """Training images of each class: those of the two sets."""
    classifier_width: int = 64
    """Channels of the ConvNet-3 that judges, and of the students."""
    classifier_epochs: int = 20
    samples_per_class: int = 50
    cfg: float = 4.0
    """Guidance scale, that of the methods."""
    sampling_steps: int = 50
    ipc: int = 10
    """Images per class that a student learns from."""
    student_epochs: int = 300
    students: int = 3
    """Students per kind of image; each learns from images of its own."""


@dataclass(frozen=True)
class Gate:
    """One figure and what it must be."""

    name: str
    value: float
    limit: float
    reached: bool


@dataclass(frozen=True, eq=False)
class _Images:
    """The images of one set."""

    train: Examples
    tests: Examples
    rebuilt: Examples
    """The test images, encoded and decoded."""
    samples: Examples


def measure(
    generator: Generator,
    train: Examples,
    tests: Examples,
    settings: GateSettings,
    weights: Mapping[str, str],
    folder: Path,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Return the report of all gates and write it, with a sheet of samples, into `folder`.

    `weights` are the hashes of what is judged, by stage. Reconstructions are of the posterior's
    mean. Classifiers are kept in `folder`, so that an interrupted measurement goes on.
    """
    streams, device = own_streams(Streams((settings.seed,)), "gates"), generator.device
    whole = replace(watch or Watch(), stop_after=None)  # half a judge cannot judge
    judges = [
        _judge(of_set(train, number), settings, folder / f"judge-{name}", streams, device, whole)
        for number, name in enumerate(SETS)
    ]
    samples, rebuilt = draw_samples(generator, settings), reconstructions(generator, tests)
    report: dict[str, Any] = {
        "settings": plain(settings),
        "weights": dict(weights),
        "psnr_db": psnr(tests.images, rebuilt.images),
        "gates": [],
        "per_class": {},
    }
    for number, (name, judge) in enumerate(zip(SETS, judges, strict=True)):
        own = _Images(*(of_set(part, number) for part in (train, tests, rebuilt, samples)))
        gates, per_class = _of_one_set(name, judge, own, settings, streams)
        report["gates"] += [asdict(gate) for gate in gates]
        report["per_class"][name] = per_class
    report["device"] = str(generator.device)
    write_sheet(folder / SAMPLES, samples, 10)
    replace_file(folder / REPORT, msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    return report


def _of_one_set(
    name: str, judge: nn.Module, images: _Images, settings: GateSettings, streams: Streams
) -> tuple[list[Gate], dict[str, Any]]:
    """Return the gates of one set and its figures by class."""
    real, after, seen = (
        recognised(*answers(judge, examples), CLASSES_PER_SET)
        for examples in (images.tests, images.rebuilt, images.samples)
    )
    made, found = _spreads(judge, images.samples), _spreads(judge, images.tests)
    spread = [one / other for one, other in zip(made, found, strict=True)]
    taught = student_accuracies(images, settings, streams, _device_of(judge))
    lost, share = _mean(real) - _mean(after), 100.0 * _mean(taught[1]) / _mean(taught[0])
    gates = [
        Gate(f"{name}: points lost on reconstructions", lost, LOST_POINTS, lost <= LOST_POINTS),
        _at_least(f"{name}: samples recognised, %", _mean(seen), RECOGNISED[name]),
        _at_least(f"{name}: student of samples, % of one of real images", share, STUDENT_SHARE),
        _at_least(f"{name}: least spread of a class, share of real", min(spread), LEAST_SPREAD),
    ]
    per_class = {
        "real": real,
        "reconstructed": after,
        "samples": seen,
        "spread": spread,
        "students_of_real": taught[0],
        "students_of_samples": taught[1],
    }
    return gates, per_class


def _at_least(name: str, value: float, limit: float) -> Gate:
    return Gate(name, value, limit, value >= limit)


def _mean(values: tuple[float, ...] | list[float]) -> float:
    return sum(values) / len(values)


def _network(settings: GateSettings, seed: int) -> nn.Module:
    return build_student(
        ConvNet(3, settings.classifier_width),
        num_classes=CLASSES_PER_SET,
        image_size=IMAGE_SIZE,
        norm="instance",
        seed=seed,
    )


def _judge(
    train: Examples,
    settings: GateSettings,
    folder: Path,
    streams: Streams,
    device: torch.device,
    watch: Watch,
) -> nn.Module:
    """Return a classifier of one set, trained on its real images or taken from `folder`."""
    model = _network(settings, streams.integer("judge"))
    recipe = short_recipe(settings.classifier_epochs, batch=min(128, len(train)))
    learner = EpochLearner(model, train, recipe, own_streams(streams, "judge"), device)
    decided = {
        "seed": settings.seed,
        "width": settings.classifier_width,
        "epochs": settings.classifier_epochs,
        "images": fingerprint(train),
    }
    train_stage(learner, folder, learner.epochs, decided, watch)
    return model.eval()


def student_accuracies(
    images: _Images, settings: GateSettings, streams: Streams, device: torch.device
) -> tuple[list[float], list[float]]:
    """Return the test accuracies of students of `ipc` real images a class, and of as many samples.

    Student r of either kind has the same initial weights; both kinds of images are a random choice
    of what there is.
    """
    kinds: tuple[list[float], list[float]] = ([], [])
    for number in range(settings.students):
        own = Streams((*streams.seeds, number))
        for source, found in zip((images.train, images.samples), kinds, strict=True):
            chosen = some_of_each(source, settings.ipc, own.torch("choice"))
            recipe = short_recipe(settings.student_epochs, len(chosen), mix_probability=1.0)
            model = _network(settings, own.integer("init"))
            curves = train_student(model, chosen, images.tests, recipe, own, device)
            found.append(curves.accuracy[-1])
    return kinds


def some_of_each(examples: Examples, count: int, rng: torch.Generator) -> Examples:
    """Return `count` images of every class, chosen at random without repetition."""
    rows = []
    for label in range(CLASSES_PER_SET):
        own = (examples.labels == label).nonzero()[:, 0]
        rows.append(own[torch.randperm(len(own), generator=rng)[:count]])
    chosen = torch.cat(rows)
    return Examples(examples.images[chosen], examples.labels[chosen])


@torch.no_grad()
def answers(model: nn.Module, examples: Examples) -> tuple[Tensor, Tensor]:
    """Return the class that a classifier sees in every image, and the label it has."""
    model.eval()
    seen = [model(batch).argmax(1).cpu() for batch in _normalised(model, examples)]
    return torch.cat(seen), examples.labels


def draw_samples(generator: Generator, settings: GateSettings) -> Examples:
    """Return the first images of every class of the generator, as the method `dit` makes them."""
    jobs = [
        Job(class_id, label, k)
        for label, class_id in enumerate(generator.card.classes)
        for k in range(settings.samples_per_class)
    ]
    sampling = Sampling(steps=settings.sampling_steps, cfg=settings.cfg, batch=100)
    images = generate(generator, jobs, sampling, Streams((settings.seed,)))
    labels = torch.tensor([job.label for job in jobs])
    return Examples(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), labels)


@torch.no_grad()
def reconstructions(generator: Generator, examples: Examples) -> Examples:
    """Return the images as the autoencoder gives them back, in 8 bits."""
    parts = [
        eight_bit(generator.decode(generator.encode(signed(part.to(generator.device))))).cpu()
        for part in torch.split(examples.images, BATCH)
    ]
    return Examples(torch.cat(parts), examples.labels)


@torch.no_grad()
def _spreads(model: nn.Module, examples: Examples) -> tuple[float, ...]:
    features = [embed(model, batch).cpu() for batch in _normalised(model, examples)]
    return spreads(torch.cat(features), examples.labels, CLASSES_PER_SET)


def _normalised(model: nn.Module, examples: Examples) -> Iterator[Tensor]:
    for part in torch.split(examples.images, BATCH):
        yield normalised(part.to(_device_of(model)))


def _device_of(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def write_sheet(path: Path, examples: Examples, columns: int) -> None:
    """Write a PNG with one row for every class and its first images, twice as large."""
    import io

    from PIL import Image

    labels = torch.unique(examples.labels)
    rows = [examples.images[examples.labels == label][:columns] for label in labels]
    sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    large = sheet.repeat_interleave(2, 1).repeat_interleave(2, 2)
    content = io.BytesIO()
    Image.fromarray(large.permute(1, 2, 0).numpy()).save(content, "PNG")
    replace_file(path, content.getvalue())
