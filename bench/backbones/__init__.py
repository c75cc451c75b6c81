"""Backbones by name: the networks that are trained as students, teachers and surrogates.

Ours are `convnet{D}`, `resnet{D}` and `resnetap{D}`; any classifier of torchvision or timm is
`torchvision/<id>` or `timm/<id>`. Looking up one of ours imports no library.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from bench.backbones.students import ConvNet, Library, ResNet, ResNetAP
from bench.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from torch import Tensor, nn

    from bench.contracts import Student

__all__ = [
    "STUDENTS",
    "ConvNet",
    "Library",
    "ResNet",
    "ResNetAP",
    "build_backbone",
    "build_student",
    "embed",
    "find_student",
]

STUDENTS: dict[str, Student] = {
    "convnet1": ConvNet(1),
    "convnet2": ConvNet(2),
    "convnet3": ConvNet(3),
    "convnet4": ConvNet(4),
    "convnet5": ConvNet(5),
    "convnet6": ConvNet(6),
    "convnet7": ConvNet(7),
    "convnet8": ConvNet(8),
    "resnet10": ResNet(10),
    "resnet18": ResNet(18),
    "resnet34": ResNet(34),
    "resnet50": ResNet(50),
    "resnet101": ResNet(101),
    "resnet152": ResNet(152),
    "resnetap10": ResNetAP(10),
    "resnetap18": ResNetAP(18),
}
"""Our own students; a name without a library's prefix means one of these first."""


def find_student(name: str) -> Student:
    """Return the student called `name`; UsageError with the closest names if there is none.

    `name` is one of `STUDENTS`, `torchvision/<id>`, `timm/<id>`, or a torchvision id that is not
    one of `STUDENTS`. Only names that are not ours import these libraries.
    """
    if name in STUDENTS:
        return STUDENTS[name]
    from bench.backbones.library import library_ids, refusal

    source, slash, model = name.partition("/")
    if not slash:
        source, model = "torchvision", name
    if source in ("torchvision", "timm"):
        if model in library_ids(source):
            return Library(f"{source}/{model}")
        if reason := refusal(f"{source}/{model}"):
            raise UsageError(reason)
        prefix = f"{source}/" if slash else ""
        close = [prefix + known for known in difflib.get_close_matches(model, library_ids(source))]
    else:
        close = []
    # A library has hundreds of ids: only the close ones are worth reading.
    raise unknown_name("student", name, {*STUDENTS, *close, "torchvision/<id>", "timm/<id>"})


def build_student(
    student: Student, *, num_classes: int, image_size: int, norm: str = "instance", seed: int
) -> nn.Module:
    """Return the network on the CPU, in training mode, with weights that follow from `seed`.

    All global random states are left as they were. UsageError if the network cannot take images
    of `image_size` x `image_size` pixels.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # `torch.manual_seed` would seed the accelerators too, and nothing would restore them.
        torch.default_generator.manual_seed(seed)
        return student.build(num_classes, image_size, norm)


def build_backbone(
    name: str, *, num_classes: int, image_size: int, norm: str = "instance", seed: int = 0
) -> nn.Module:
    """Return the network called `name`; see `find_student` and `build_student`."""
    student = find_student(name)
    return build_student(
        student, num_classes=num_classes, image_size=image_size, norm=norm, seed=seed
    )


def embed(model: nn.Module, images: Tensor) -> Tensor:
    """Return the features `[N, d]` that the last linear layer of `model` reads.

    They are those of evaluation mode; every module is left in the mode it was in. Gradients
    follow the caller's mode and flow to `images`. `model` is any network built here; UsageError
    if it does not end in a linear layer.
    """
    from bench.backbones.convnet import ConvolutionalNetwork
    from bench.backbones.library import embed_library
    from bench.backbones.resnet import ResidualNetwork

    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        if isinstance(model, ConvolutionalNetwork | ResidualNetwork):
            return model.embed(images)
        return embed_library(model, images)
    finally:
        for module in training:
            module.training = True
