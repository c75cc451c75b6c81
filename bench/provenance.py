"""How and where a unit was run: packages, commit, device, time and memory."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.metadata
import platform
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records import Provenance

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "distillation-bench",
    "torch",
    "torchvision",
    "timm",
    "diffusers",
    "numpy",
    "pillow",
    "scikit-learn",
)


@dataclass
class Stopwatch:
    """Times one unit; start it with the unit, ask for the provenance at its end."""

    device: torch.device
    started: str = field(default_factory=lambda: _utc())
    _clock: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Forget the accelerator's earlier peak, so that the unit's own is seen."""
        if self.device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)

    def provenance(self, artefact_seconds: float, earlier_seconds: float = 0.0) -> Provenance:
        """Return the provenance of the unit that ends now.

        `earlier_seconds` are those of processes that were killed and left what this one went on
        from.
        """
        import torch

        commit, dirty = commit_of_project()
        return Provenance(
            started=self.started,
            seconds=round(
                earlier_seconds + time.perf_counter() - self._clock - artefact_seconds, 3
            ),
            artefact_seconds=round(artefact_seconds, 3),
            peak_memory_bytes=_peak_memory(self.device),
            device=device_name(self.device),
            threads=torch.get_num_threads(),
            commit=commit,
            dirty=dirty,
            packages=package_versions(),
            python=platform.python_version(),
            platform=platform.platform(),
            command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        )


def device_name(device: torch.device) -> str:
    """Return the device in words, such as "cpu (x86_64)" or "cuda (NVIDIA H200)"."""
    if device.type == "cuda":
        import torch

        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()})"


@functools.cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages that results depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from a checkout, not installed
            found[name] = "unknown"
    return found


@functools.cache
def commit_of_project() -> tuple[str, bool]:
    """Return the commit of the checkout this code runs from and whether it has changes.

    ("", False) for an installed package.
    """
    home = Path(__file__).resolve().parent.parent
    if not (home / ".git").exists():
        return "", False
    try:
        commit = _git(home, "rev-parse", "HEAD")
        return commit, bool(_git(home, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "", False


def state_of_project() -> str:
    """Return a text that differs for different code of this project; "" outside a checkout."""
    home = Path(__file__).resolve().parent.parent
    try:
        return _git(home, "rev-parse", "HEAD") + _git(home, "diff", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return ""


def code_stamp(device: torch.device) -> str:
    """Return a hash of what half-done work depends on besides its request.

    Code, libraries and device: what another of these has begun is not gone on with.
    """
    facts = state_of_project(), sorted(package_versions().items()), str(device)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _git(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(home), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows has no such count
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _utc() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
