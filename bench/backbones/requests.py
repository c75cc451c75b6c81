"""Students by the text a user wrote, such as "convnet3[width=64]" or "timm/vit_tiny"."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bench import specs
from bench.backbones import STUDENTS, find_student
from bench.named import Named

if TYPE_CHECKING:
    from bench.contracts import Student


def requested_students(text: str) -> list[Named[Student]]:
    """Return the student of a request, or several where it sweeps.

    Raises UsageError for an unknown name or field.
    """
    found = []
    for request in specs.sweep(specs.parse(text)):
        spec = find_student(request.name)
        named = Named(request.name, spec, spec).configured(request, STUDENTS)
        # "alexnet" is torchvision's, and a ConvNet of depth 4 is `convnet4` by whatever name.
        kind = getattr(named.asked, "name", request.name)
        found.append(dataclasses.replace(named, kind=kind))
    return found
