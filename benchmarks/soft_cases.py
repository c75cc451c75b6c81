"""What is trained to measure soft labels: the cases, and their engine and reference loop.

Both begin from the same networks and images, and follow soft/rded.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.backbones import ConvNet, ResNet, build_student
from bench.streams import Streams
from bench.training.compiling import Compiling
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.recipe import Numerics, settled
from bench.training.targets import FromTeacher
from benchmarks.cases import IPCS, NUM_CLASSES, Case
from benchmarks.reference_images import Photos
from benchmarks.reference_soft import SoftReferenceTraining
from protocols.soft import SoftLabel
from protocols.soft_tables import ALPHAS, TEMPERATURES, published, tests

SMALL = tuple(Case(ConvNet(3, width=64), 32, ipc) for ipc in IPCS)
LARGE = (Case(ResNet(18), 224, 50),)
CASES = {"small": SMALL, "large": LARGE}
"""Student and teacher are of one kind; ten classes."""
STUDENT_SEED, TEACHER_SEED = 0, 1


def chosen(cases: str, device: torch.device) -> tuple[Case, ...]:
    """Return the cases of a request: "small", "large", or "auto", by whether there is a GPU."""
    if cases == "auto":
        cases = "large" if device.type == "cuda" else "small"
    return CASES[cases]


def numerics_of(device: torch.device) -> Numerics:
    """Return TF32 on a GPU, which torch gives convolutions unless told not, and else float32."""
    return "tf32" if device.type == "cuda" else "fp32"


def protocol_of(case: Case, numerics: Numerics) -> SoftLabel:
    """Return soft/rded, resolved for the case, in the given precision."""
    row = published("rded", NUM_CLASSES, case.resolution, case.ipc, case.student, None)
    evaluations, tested_from = tests("rded", row.epochs)
    return SoftLabel(
        resolution=case.resolution,
        patches=row.patches,
        crop_scale=(1.0 / row.patches, 1.0),
        mix_alpha=ALPHAS["cutmix"],
        lr=row.lr,
        weight_decay=row.weight_decay,
        epochs=row.epochs,
        batch=row.batch,
        evaluations=evaluations,
        evaluate_after=tested_from,
        temperature=TEMPERATURES["cutmix"],
        numerics=numerics,
    )


def network(case: Case, seed: int) -> nn.Module:
    """Return an untrained network of the case on the CPU, with batch norm."""
    return build_student(
        case.student, num_classes=NUM_CLASSES, image_size=case.resolution, norm="batch", seed=seed
    )


def noise(case: Case, protocol: SoftLabel) -> tuple[Tensor, Tensor]:
    """Return the case's images at the size they are stored with, from which crops are taken."""
    return Case(case.student, protocol.stored_side, case.ipc).noise()


def engine_training(
    case: Case,
    protocol: SoftLabel,
    device: torch.device,
    *,
    compiled: bool = False,
    note: Callable[[str], None] = print,
) -> Training:
    """Return the engine, ready to train the case's noise on a teacher's answers."""
    teacher = network(case, TEACHER_SEED).to(device).requires_grad_(False)
    temperature = settled(protocol.temperature, "temperature")
    targets = FromTeacher(
        teacher, temperature, False, protocol.numerics, resolution=case.resolution
    )
    return Training(
        network(case, STUDENT_SEED).to(device),
        Examples(*noise(case, protocol)).to(device),
        protocol,
        Streams((0,)),
        device,
        Compiling("always" if compiled else "never", note=note),
        targets,
    )


def reference_training(
    case: Case, protocol: SoftLabel, device: torch.device
) -> SoftReferenceTraining:
    """Return the reference loop with its workers, ready to train the same."""
    student, teacher = network(case, STUDENT_SEED), network(case, TEACHER_SEED)
    photos = Photos.of(*noise(case, protocol))
    return SoftReferenceTraining(student, teacher, photos, photos, protocol, device)
