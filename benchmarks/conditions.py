"""Where and with what figures were measured: the lines above every table."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from benchmarks.reference_images import num_workers

if TYPE_CHECKING:
    import torch


def conditions(device: torch.device) -> list[str]:
    """Return Markdown bullets: device, versions, threads, loader workers and commit."""
    import torch

    from bench.provenance import commit_of_project, device_name, package_versions

    commit, dirty = commit_of_project()
    versions = package_versions()
    return [
        f"- device: {device_name(device)}",
        f"- torch {torch.__version__}, torchvision {versions['torchvision']}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"- CPU threads of torch: {torch.get_num_threads()}; "
        f"loader workers of the reference loop: {num_workers()}",
        f"- commit: {commit or 'unknown'}{' with changes' if dirty else ''}",
    ]
