from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench import specs
from bench.artefacts import ArtefactStore
from bench.backbones import build_student
from bench.backbones.students import ConvNet
from bench.contracts import LabelsSets, TellsSize
from bench.data.prefix import Prefix
from bench.errors import BenchError, UsageError
from bench.images import FileImages
from bench.sets import DistilledSet
from bench.teachers.specs import Shipped, Trained, WeightsFile
from bench.training import probe
from bench.training.schedule import evaluation_epochs
from protocols import PROTOCOLS
from protocols.soft import SoftLabel

STUDENT = ConvNet(2, width=4)
TEACHER = Trained(network="convnet2[width=4]", epochs=1)


@dataclass(frozen=True)
class Pooled:
    """A student with batch norm of a single value per image and channel."""

    family: str = "pooled"
    revision: ClassVar[int] = 1

    def build(self, num_classes, image_size, norm):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.AvgPool2d(image_size - 2), nn.BatchNorm2d(4), nn.Flatten(),
            nn.Linear(4, num_classes),
        )  # fmt: skip


def short(**fields):
    return SoftLabel(**{"epochs": 6, "evaluations": 3, "evaluate_after": 0, "teacher": TEACHER,
                        **fields})  # fmt: skip


def distilled_of(real, per_class=4, **options):
    """Return some images of a real set as a distilled set on disk has them."""
    chosen = np.concatenate([real.train.of_class(k)[:per_class] for k in range(2)])
    files = FileImages(real.train.images.root, tuple(real.train.images.names[i] for i in chosen))
    return DistilledSet(files, real.train.labels[chosen], real.card.classes, **options)


@pytest.fixture
def evaluated(make_real, make_context):
    def evaluate(protocol, distilled=None, real=None, student=STUDENT, **options):
        real = real or evaluate.real
        distilled = distilled or distilled_of(real)
        resolved = protocol.resolve(real.card, 4, student)
        resolved.check(real.card, student)
        ctx = make_context(real, distilled, **options)
        return resolved.evaluate(distilled, real, student, ctx)

    evaluate.real = make_real()
    return evaluate


def test_an_outcome_names_the_teacher_its_accuracy_and_all_that_was_done(evaluated):
    outcome = evaluated(short())
    top1 = outcome.series["top1"]
    assert outcome.series["epoch"] == (2.0, 4.0, 6.0)
    assert outcome.scores == {"top1_last": top1[-1], "top1_best": max(top1)}
    facts = outcome.facts
    assert facts["teacher"].startswith("convnet2[width=4] trained 1 epochs ")
    assert 0.0 <= facts["teacher_top1"] <= 100.0
    assert facts["teacher_classes"] == "2 of 2"
    assert (facts["epochs"], facts["updates"], facts["batch"]) == (6, 6, 8)
    assert (facts["temperature"], facts["labels"], facts["norm"]) == (20.0, "fresh", "batch")
    assert (facts["lr_source"], facts["stored_size"]) == ("ours", 16)
    assert {name: dict(card.facts) for name, card in outcome.cards.items()} == {
        score: {"teacher": facts["teacher"]} for score in ("top1_last", "top1_best")
    }


def test_labels_of_the_distilled_set_are_not_used_and_weights_are(evaluated):
    real = evaluated.real
    plain = evaluated(short())
    wrong = evaluated(short(), replace(distilled_of(real), labels=np.zeros(8, np.int64)))
    assert wrong.series == plain.series
    weights = np.linspace(0.1, 1.9, 8, dtype=np.float32)
    weighted = evaluated(short(), distilled_of(real, weights=weights))
    assert weighted.series["train_loss"] != plain.series["train_loss"]
    assert weighted.facts["weighted"] == 1


def test_a_student_learns_from_the_teacher_alone(evaluated):
    teacher = replace(TEACHER, epochs=40, batch=16, mix_probability=0.0)
    protocol = short(teacher=teacher, epochs=80, evaluations=1, lr=0.02)
    unlabelled = replace(distilled_of(evaluated.real), labels=np.zeros(8, np.int64))
    outcome = evaluated(protocol, unlabelled)
    assert outcome.facts["teacher_top1"] >= 90.0
    assert outcome.scores["top1_last"] >= 90.0


def test_a_student_is_that_of_a_plain_loop(evaluated, make_context, monkeypatch):
    """AdamW on matrices, half a cosine, KL of softened answers, one batch of all images."""
    still = {"flip": 0.0, "mix": "none", "norm_updates": 1, "temperature": 5.0, "batch": 8}
    protocol = short(**still, lr=0.01, weight_decay=0.1, evaluations=6)
    real, distilled = evaluated.real, distilled_of(evaluated.real)
    losses = evaluated(protocol, distilled).series["train_loss"]

    resolved = protocol.resolve(real.card, 4, STUDENT)
    assert resolved.crop_scale == (1.0, 1.0)
    ctx = make_context(real, distilled)
    teacher = ctx.get(resolved.needs(real.card, STUDENT)[0]).network
    student = build_student(STUDENT, num_classes=2, image_size=16, norm="batch",
                            seed=ctx.streams.integer("init"))  # fmt: skip
    pixels = np.stack([distilled.images.decode(k) for k in range(8)]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(pixels.copy()).float() / 255
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    images = (images - mean[:, None, None]) / std[:, None, None]
    named = list(student.named_parameters())
    matrices = [p for name, p in named if name.endswith("weight") and p.ndim > 1]
    others = [p for name, p in named if not (name.endswith("weight") and p.ndim > 1)]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    )
    wanted = functional.softmax(teacher(images) / 5.0, dim=1)
    expected = []
    for epoch in range(6):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * 0.5 * (1 + math.cos(math.pi * epoch / 12))
        answers = functional.log_softmax(student(images) / 5.0, dim=1)
        loss = nn.KLDivLoss(reduction="batchmean")(answers, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    assert losses == pytest.approx(expected, abs=1e-4 * max(expected), rel=1e-4)


def test_the_logits_of_several_teachers_are_averaged_before_the_softmax(evaluated, make_context):
    from safetensors.torch import load_file

    real = evaluated.real
    protocol = short(teacher=replace(TEACHER, members=3)).resolve(real.card, 4, STUDENT)
    ctx = make_context(real, distilled_of(real))
    weights, _ = protocol.needs(real.card, STUDENT)
    images = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    united, logits = ctx.get(weights).answering(real.card, "three")(images), []
    for number in range(3):
        member = build_student(STUDENT, num_classes=2, image_size=16, norm="batch", seed=9)
        member.load_state_dict(
            load_file(ctx.artefacts.path(weights) / f"member-{number}.safetensors")
        )
        logits.append(member.eval()(images))
    wanted = (sum(logits) / 3 / 0.01).softmax(dim=1)
    torch.testing.assert_close((united / 0.01).softmax(dim=1), wanted, rtol=1e-3, atol=1e-4)
    of_each = sum((one / 0.01).softmax(dim=1) for one in logits) / 3
    assert not torch.allclose(wanted, of_each, atol=1e-2)


def test_equal_seeds_give_equal_outcomes_and_others_do_not(evaluated):
    first, second = evaluated(short()), evaluated(short())
    assert first == second
    assert evaluated(short(), seeds=(0, 1)).series["train_loss"] != first.series["train_loss"]


def test_stored_labels_give_what_a_fresh_teacher_gives_in_the_same_views(evaluated, make_context):
    from bench.context import artefact_streams
    from bench.training.targets import FromTeacher

    real, distilled = evaluated.real, distilled_of(evaluated.real)
    protocol = short(labels="stored", label_seed=3).resolve(real.card, 4, STUDENT)
    ctx = make_context(real, distilled)
    replayed = protocol.evaluate(distilled, real, STUDENT, ctx)
    network = ctx.get(protocol.needs(real.card, STUDENT)[0]).network
    fresh = protocol.study(
        distilled, real, STUDENT, ctx,
        lambda examples: FromTeacher(network, 20.0, False, "tf32"), artefact_streams(3),
    )  # fmt: skip
    losses = [run.series["train_loss"] for run in (replayed, fresh)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02, abs=1e-6)
    assert replayed.facts["labels"] == "stored"


def test_the_seed_of_stored_labels_is_part_of_no_result_without_them(evaluated):
    def identity(**fields):
        return specs.identity("soft", short(**fields).resolve(evaluated.real.card, 4, STUDENT))

    assert identity(label_seed=3) == identity()
    assert identity(labels="stored", label_seed=3) != identity(labels="stored")


def test_students_with_other_seeds_and_rates_share_stored_labels(evaluated, tmp_path):
    for fields in ({}, {"lr": 0.5}, {"temperature": 3.0}, {"norm_updates": 1}):
        evaluated(short(labels="stored", **fields), seeds=(0, len(fields)))
    folders = [path for path in (tmp_path / "cache" / "artefacts").iterdir() if path.is_dir()]
    assert sum(path.name.startswith("StoredLabels-") for path in folders) == 1


@pytest.mark.parametrize("uneven", [False, True])
def test_the_labels_that_are_made_are_among_those_that_are_announced(evaluated, tmp_path, uneven):
    real = evaluated.real
    distilled = distilled_of(real)
    if uneven:
        path = distilled.images.root / distilled.images.names[0]
        Image.open(path).resize((20, 16)).save(path)
    store = ArtefactStore(tmp_path / "labels")
    protocol = short(labels="stored").resolve(real.card, 4, STUDENT)
    announced = protocol.labels_of(real.card, f"revision of {len(distilled)} images")
    assert isinstance(protocol, LabelsSets)
    assert not any(store.has(labels) for labels in announced)
    evaluated(short(labels="stored"), distilled, artefacts=store)
    assert [store.has(labels) for labels in announced] == [not uneven, uneven]
    assert short().resolve(real.card, 4, STUDENT).labels_of(real.card, "r") == ()


def test_the_size_of_a_set_is_that_of_its_images_and_of_what_teaches(evaluated):
    distilled = distilled_of(evaluated.real)
    images = sum((distilled.images.root / name).stat().st_size for name in distilled.images.names)
    fresh, stored = (evaluated(short(labels=kind)).facts for kind in ("fresh", "stored"))
    assert fresh["images_bytes"] == stored["images_bytes"] == images
    assert (fresh["labels_bytes"], stored["teacher_bytes"]) == (0, 0)
    assert fresh["teacher_bytes"] > 4 * 3 * 4 * 9  # a float of every weight of its first layer
    assert stored["labels_bytes"] > 6 * 8 * 2 * 2  # two bytes for every epoch, image and class
    for facts in (fresh, stored):
        parts = (facts[f"{part}_bytes"] for part in ("images", "labels", "teacher"))
        assert facts["stored_bytes"] == sum(parts)


def test_a_whole_set_has_no_size_of_its_own(evaluated):
    real = evaluated.real
    whole = DistilledSet(real.train.images, real.train.labels, real.card.classes, whole=True)
    facts = evaluated(short(epochs=1, evaluations=1), whole).facts
    assert not {"images_bytes", "stored_bytes"} & set(facts)


def test_photographs_of_differing_sizes_are_resized_and_cropped(evaluated, tmp_path):
    (tmp_path / "photographs").mkdir()
    sizes = [(20, 30), (40, 25), (16, 16), (33, 18)]
    for number, size in enumerate(sizes):
        Image.new("RGB", size, (40 * number, 0, 0)).save(tmp_path / "photographs" / f"{number}.png")
    files = FileImages(tmp_path / "photographs", tuple(f"{k}.png" for k in range(4)))
    ragged = DistilledSet(files, np.array([0, 0, 1, 1]), evaluated.real.card.classes)
    assert evaluated(short(resolution=14), ragged).facts["stored_size"] == 16
    with pytest.raises(BenchError, match="students need one size"):
        evaluated(short(uneven="refuse"), ragged)


def test_generated_images_are_cropped_as_they_are_stored(evaluated):
    images = distilled_of(evaluated.real).images
    protocol = short(resolution=14).resolve(evaluated.real.card, 4, STUDENT)
    assert protocol.prefix_of(images) == Prefix(None, None)
    assert replace(protocol, crop_from="prefix").prefix_of(images) == Prefix(14, 14)


def test_many_images_are_decoded_once_into_the_cache_which_changes_nothing(
    evaluated, monkeypatch, tmp_path
):
    in_memory = evaluated(short(batch=3))
    monkeypatch.setattr("bench.data.pixels.CACHED_FROM", 8)
    mapped = [evaluated(short(batch=3, labels=kind)) for kind in ("fresh", "stored")]
    assert mapped[0] == in_memory
    files = sorted((tmp_path / "cache" / "pixels").glob("revision*.npy"))
    assert [path.name for path in files] == ["revision of 8 im-original.npy"]


def test_patches_that_cut_the_tiles_of_a_mosaic_are_refused(evaluated):
    mosaic = distilled_of(evaluated.real, mosaic=3)
    with pytest.raises(BenchError, match=r"3 x 3 tiles.*2 x 2 patches.*`soft\[patches=3\]`"):
        evaluated(short(patches=2), mosaic)
    for patches in (1, 3):
        facts = evaluated(short(patches=patches, epochs=1, evaluations=1), mosaic).facts
        assert facts["patches_on_whole_images"] == 0


def test_patches_on_whole_images_are_said(evaluated):
    heard = []
    outcome = evaluated(short(patches=2), note=heard.append)
    assert outcome.facts["patches_on_whole_images"] == 1
    assert any("patches of whole images change places" in sentence for sentence in heard)


def test_a_last_image_alone_that_cannot_be_normalised_is_refused_before_training(evaluated):
    with pytest.raises(BenchError, match=r"\(8 images, batch=7, passes=1\): choose a `batch`"):
        evaluated(short(batch=7), student=Pooled())
    with pytest.raises(BenchError, match=r"\(8 images, batch=14, passes=2\)"):
        evaluated(short(batch=14, passes=2), student=Pooled())
    assert evaluated(short(batch=5, epochs=1, evaluations=1), student=Pooled()).scores


@pytest.mark.parametrize(
    ("num", "batch", "passes"),
    [(6, 5, 2), (6, 3, 2), (8, 3, 2), (6, 5, 1), (7, 7, 2), (7, 14, 2), (8, 14, 2), (8, 4, 2),
     (9, 9, 4), (10, 9, 4), (11, 6, 3), (1, 4, 1), (4, 1, 1), (12, 7, 3), (5, 64, 16)],
)  # fmt: skip
def test_an_image_that_is_alone_in_any_pass_is_refused(make_card, num, batch, passes):
    images = list(range(num))
    at_once = math.ceil(batch / passes)
    batches = [images[start : start + batch] for start in range(0, num, batch)]
    alone = any(
        len(some[start : start + at_once]) == 1
        for some in batches
        for start in range(0, len(some), at_once)
    )
    protocol = short(batch=batch, passes=passes).resolve(make_card(2, 16), 4, Pooled())
    if not alone:
        protocol.check_images(make_card(2, 16), num, Pooled())
        return
    with pytest.raises(BenchError, match="A pass of one image"):
        protocol.check_images(make_card(2, 16), num, Pooled())


def test_a_teacher_that_cannot_serve_the_set_is_refused(make_card, tmp_path):
    def check(teacher, **fields):
        card = make_card(10, 32)
        short(teacher=teacher, **fields).resolve(card, 4, STUDENT).check(card, STUDENT)

    with pytest.raises(UsageError, match="`embedded` takes images of 32 x 32"):
        check(Shipped())
    (tmp_path / "x.pt").write_bytes(b"pickle")
    with pytest.raises(UsageError, match="bench import-teacher"):
        check(WeightsFile(path=str(tmp_path / "x.pt")))
    with pytest.raises(UsageError, match="halves its images 6 times"):
        check(Trained(network="convnet6"))


def test_a_missing_student_is_refused(make_card):
    soft = PROTOCOLS["soft/rded"]
    with pytest.raises(UsageError, match="name one"):
        soft.resolve(make_card(), 10, None).check(make_card(), None)


def test_the_estimate_grows_with_the_epochs_and_with_the_teacher(monkeypatch, make_card):
    def flops(work):  # in place of seconds, which vary with what else the machine does
        with FlopCounterMode(display=False) as counted:
            work()
        return counted.get_total_flops()

    monkeypatch.setattr(probe, "_seconds", flops)
    card, cpu = make_card(2, 16), torch.device("cpu")

    def seconds(**fields):
        resolved = short(**fields).resolve(card, 4, STUDENT)
        return resolved.seconds(card, 8, STUDENT, 30, cpu)

    assert 0.0 < seconds(epochs=1) < seconds(epochs=10_000)
    large = replace(TEACHER, network="convnet2[width=256]")
    assert seconds(epochs=1000) < seconds(epochs=1000, teacher=large)


def test_the_footprint_counts_stored_labels_and_the_teacher(make_card):
    card = make_card(2, 16)
    fresh, stored = (short(labels=kind).resolve(card, 4, STUDENT) for kind in ("fresh", "stored"))
    assert isinstance(fresh, TellsSize)
    asked, kept = (p.footprint(card, 8, STUDENT, 30) for p in (fresh, stored))
    assert kept.disk["stored labels"] == 6 * 8 * 2 * 2
    assert "stored labels" not in asked.disk
    assert asked.device > kept.device
    assert asked.disk["teacher"] == kept.disk["teacher"] > 0


def test_a_killed_student_goes_on_with_the_labels_that_were_stored(evaluated, tmp_path):
    """Labels are looked up, not asked for again, by another process with the same cache."""
    protocol = short(labels="stored")
    first = evaluated(protocol)
    again = ArtefactStore(tmp_path / "cache")
    assert evaluated(protocol, artefacts=again) == first
    assert again.seconds == 0.0


def test_the_tests_are_those_of_the_table(make_card):
    resolved = PROTOCOLS["soft/rded"].resolve(make_card(), 10, STUDENT)
    assert len(evaluation_epochs(resolved)) == 6
