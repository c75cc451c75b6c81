from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.artefacts import ArtefactStore
from bench.augment.colour import normalised
from bench.backbones import build_student
from bench.backbones.students import ConvNet
from bench.context import Context
from bench.data import open_real_set
from bench.data.classes import class_list
from bench.data.prefix import Prefix
from bench.errors import BenchError
from bench.sets import DatasetCard
from bench.streams import Streams
from bench.teachers import measured
from bench.teachers.measured import MeasuredTeacher, TeacherFacts, answers, counted
from bench.teachers.opened import measured_teacher, open_teacher
from bench.teachers.specs import Shipped, TorchvisionWeights, Trained, WeightsFile
from bench.teachers.verdict import STATED, verdict

CPU = torch.device("cpu")
GOOD = Trained("convnet2[width=4]", epochs=25, batch=8, lr=0.02)
"""Enough to tell three colours."""


@pytest.fixture
def ctx(tiny_set, tmp_path):
    real = open_real_set(f"tiny=folder:{tiny_set}", data_root=None, cache=tmp_path / "cache")
    store = ArtefactStore(tmp_path / "cache")
    return Context(CPU, Streams((0,)), tmp_path, store, {"tiny": real}.__getitem__)


def answered_by_hand(network, real):
    images = [real.test.images.decode(index) for index in range(len(real.test))]
    with torch.no_grad():
        batch = normalised(torch.tensor(np.stack(images)).permute(0, 3, 1, 2))
        return network(batch).argmax(dim=1).numpy()


def test_answers_are_those_of_all_images_at_once_whatever_the_batch(ctx, monkeypatch):
    network = build_student(ConvNet(2, 4), num_classes=3, image_size=16, seed=1).eval()
    real = ctx.real("tiny")
    expected = answered_by_hand(network, real)
    for pixels in (1, 5 * 256, 10**6):
        monkeypatch.setitem(measured.BATCH_PIXELS, "cpu", pixels)
        found = answers(network, real.test, Prefix(16, 16), ctx)
        assert np.array_equal(found, expected)


def test_an_answer_that_is_not_finite_is_none(ctx):
    network = build_student(ConvNet(2, 4), num_classes=3, image_size=16, seed=1).eval()
    with torch.no_grad():
        network.classifier.bias[1] = float("nan")
    assert set(answers(network, ctx.real("tiny").test, Prefix(16, 16), ctx)) == {-1}


def test_accuracies_are_shares_of_the_images_in_percent():
    labels = np.array([0, 0, 0, 1, 1, 3])
    facts = counted(np.array([0, 0, 1, 1, -1, 3]), labels, 4, 1000)
    assert facts.top1 == pytest.approx(100 * 4 / 6)
    assert facts.per_class == (pytest.approx(100 * 2 / 3), 50.0, None, 100.0)
    assert (facts.num_images, facts.outputs, facts.finite) == (6, 1000, False)


def test_a_teacher_is_measured_once_and_kept(ctx):
    real = ctx.real("tiny")
    wanted = measured_teacher(GOOD, real.card, 16, 16)
    facts = ctx.get(wanted)
    network = ctx.get(wanted.weights).network
    right = answered_by_hand(network, real) == real.test.labels
    assert facts.top1 == pytest.approx(100 * right.mean())
    assert facts.num_images == 12
    folder = ctx.artefacts.path(wanted)
    assert wanted.load(folder, CPU) == facts
    assert wanted.needs() == (wanted.weights,)


def test_other_test_images_are_refused(ctx):
    wanted = replace(measured_teacher(GOOD, ctx.real("tiny").card, 16, 16), test_revision="f" * 64)
    with pytest.raises(BenchError, match="measured on test images of revision ffff"):
        ctx.get(wanted)


def test_an_open_teacher_says_who_it_is_and_how_good(ctx):
    real = ctx.real("tiny")
    opened = open_teacher(GOOD, real, 16, 16, ctx)
    again = open_teacher(GOOD, real, 16, 16, ctx)
    assert opened.network is again.network
    words, _, key = opened.name.rpartition(" ")
    assert words == "convnet2[width=4] trained 25 epochs"
    assert len(key) == 8
    assert opened.facts == {
        "teacher": opened.name,
        "teacher_top1": ctx.get(measured_teacher(GOOD, real.card, 16, 16)).top1,
        "teacher_classes": "3 of 3",
    }
    assert opened.bytes > 0
    assert opened.warning == ""


def test_a_warning_goes_to_the_user_and_into_the_record(ctx):
    said = []
    heeding = replace(ctx, note=said.append)
    blind = replace(GOOD, epochs=1, lr=1e-9, mix_probability=0.0)
    opened = open_teacher(blind, heeding.real("tiny"), 16, 16, heeding)
    assert "no more than chance" in opened.warning
    assert said == [opened.warning] == [opened.facts["teacher_warning"]]


def test_a_file_in_the_wrong_order_is_refused_and_in_the_right_one_is_not(
    ctx, tmp_path, monkeypatch
):
    from bench.teachers import verdict as judge

    monkeypatch.setattr(judge, "ERRORS", 0.0)  # twelve images prove nothing
    real = ctx.real("tiny")
    network = ctx.get(GOOD.weights_of(real.card, 16)).network
    for order, refused in (("ant,bee,cat", False), ("bee,cat,ant", True)):
        path = tmp_path / f"{order}.safetensors"
        ids = '["' + '","'.join(order.split(",")) + '"]'
        save_file(network.state_dict(), path, {"classes": ids})
        teacher = WeightsFile(str(path), "convnet2[width=4]")
        if refused:
            with pytest.raises(BenchError, match="its class order is not that of 'tiny'"):
                open_teacher(teacher, real, 16, 16, ctx)
        else:
            assert open_teacher(teacher, real, 16, 16, ctx).top1 > 80


def card(classes, **changes) -> DatasetCard:
    made = DatasetCard(
        name="set",
        classes=tuple(classes),
        class_names=tuple(classes),
        train_split="ilsvrc2012",
        test_split="ilsvrc2012",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(6,) * len(classes),
        resolution=224,
        features="convnet3@32",
    )
    return replace(made, **changes)


def facts_of(top1, outputs=10, num_images=500) -> TeacherFacts:
    return TeacherFacts(
        top1=top1,
        per_class=(top1,),
        permuted_top1=top1,
        permutation=(0,),
        num_images=num_images,
        outputs=outputs,
    )


WOOF = card(class_list("imagewoof"))
FILE = WeightsFile("x.safetensors")
IMAGENET = card(class_list("imagenet1k"))


@pytest.mark.parametrize(
    ("teacher", "facts", "of", "said"),
    [
        # 75.00 is stated for RDED's teacher of ImageWoof; 90 was seen where splits overlap.
        (FILE, facts_of(75.0), WOOF, ""),
        (FILE, facts_of(79.9), WOOF, ""),
        (FILE, facts_of(90.0), WOOF, "where 75.00 % are stated: the test images may overlap"),
        (FILE, facts_of(90.0), card(class_list("imagenette")), ""),
        (FILE, facts_of(90.0, outputs=1000), WOOF, ""),
        (FILE, facts_of(99.0), card([f"c{k}" for k in range(10)]), ""),
        (Trained(), facts_of(90.0), WOOF, ""),
        (
            FILE,
            facts_of(99.5),
            card([f"c{k}" for k in range(10)], train_split="cifar10", test_split="cifar10"),
            "where 93.86 % are stated",
        ),
        # ResNet-18, IMAGENET1K_V1 has 69.76 on ImageNet's validation images, ResNet-50 V2 80.86.
        (TorchvisionWeights(), facts_of(69.8, 1000, 50_000), IMAGENET, ""),
        (TorchvisionWeights(), facts_of(74.0, 1000, 50_000), IMAGENET, "where 69.76 % are stated"),
        (
            TorchvisionWeights("ResNet50_Weights.IMAGENET1K_V2"),
            facts_of(81.0, 1000, 50_000),
            IMAGENET,
            "",
        ),
        (TorchvisionWeights(), facts_of(97.0, 1000), WOOF, ""),
        (
            TorchvisionWeights(),
            facts_of(97.0, 1000),
            replace(WOOF, test_split="fastai-imagewoof2"),
            "was trained on images that 'set' tests on (fastai's split",
        ),
        (
            Shipped(),
            facts_of(97.0, 20),
            replace(WOOF, test_split="shapes:held-out-0.2-seed0"),
            "held out of its own training images",
        ),
        (
            TorchvisionWeights(),
            facts_of(97.0, 1000),
            replace(WOOF, test_split="ilsvrc2012:held-out-0.2-seed0"),
            "held out of its own training images",
        ),
        (
            FILE,
            facts_of(60.0),
            replace(WOOF, test_split="ilsvrc2012:held-out-0.2-seed0"),
            "(they may be among its training images), so its 60.0 % may say too much",
        ),
        (Trained(), facts_of(60.0), replace(WOOF, test_split="folder:held-out-0.2-seed0"), ""),
        (Trained(), facts_of(13.9), WOOF, "no more than chance"),
        (Trained(), facts_of(14.1), WOOF, ""),
    ],
)
def test_a_teacher_that_is_too_good_or_no_good_is_warned_of(teacher, facts, of, said):
    warning = verdict(facts, of, teacher)
    assert said in warning
    assert bool(warning) == bool(said)


def test_a_teacher_whose_numbers_are_not_finite_is_refused():
    with pytest.raises(BenchError, match="numbers that are not finite: train or import it anew"):
        verdict(replace_facts(facts_of(10.0), finite=False), WOOF, Trained())


def replace_facts(facts, **changes):
    import msgspec

    return msgspec.structs.replace(facts, **changes)


@pytest.mark.parametrize(
    ("gain", "num_images", "refused"),
    [
        (12.0, 500, True),
        (11.0, 500, False),
        (9.9, 10**6, False),
        (10.1, 10**6, True),
        (49.0, 25, False),
    ],
)
def test_another_order_has_to_gain_ten_points_and_five_standard_errors(gain, num_images, refused):
    # five standard errors of a share of one half are 250 / sqrt(n) points
    assert refused == (gain >= max(10, 250 / np.sqrt(num_images)))
    facts = replace_facts(
        facts_of(40.0, num_images=num_images),
        permuted_top1=40.0 + gain,
        permutation=(1, 0, *range(2, 10)),
    )
    if not refused:
        assert verdict(facts, WOOF, Trained()) == ""
        return
    with pytest.raises(BenchError, match="labels in different orders: look at its folders"):
        verdict(facts, WOOF, Trained())
    with pytest.raises(BenchError, match="import it anew with `--classes`"):
        verdict(facts, WOOF, FILE)


def test_what_is_stated_is_stated_of_sets_that_there_are():
    from bench.data import DATASETS

    assert set(STATED) <= set(DATASETS)


def test_a_measurement_depends_on_teacher_images_and_size():
    tiny = card(["a", "b"])
    one = measured_teacher(GOOD, tiny, 16, 16)
    others = [
        measured_teacher(replace(GOOD, seed=1), tiny, 16, 16),
        measured_teacher(GOOD, replace(tiny, test_revision="c" * 64), 16, 16),
        measured_teacher(GOOD, tiny, 16, 18),
    ]
    assert one not in others
    assert isinstance(one, MeasuredTeacher)
