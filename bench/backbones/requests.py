"""Students by the text a user wrote, such as "convnet3[width=64]" or "timm/vit_tiny"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import specs
from bench.backbones import find_student
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
        found.append(Named(request.name, spec, spec).configured(request))
    return found
