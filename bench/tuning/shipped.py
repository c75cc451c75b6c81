"""The tunings that come with the package: small differences for the embedded generator.

    generators/weights/tuned/<dataset>-<identity of the training>.safetensors

`bench tune minimax,im,ims3 --datasets shapenette,shapewoof --to FOLDER` makes them. A training of
any other identity (another set, field or seed) is done where it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.files import replace_file

if TYPE_CHECKING:
    from bench.tuning.run import TunedRun

FOLDER = Path(__file__).parents[1] / "generators" / "weights" / "tuned"


def name_of(run: TunedRun) -> str:
    """Return the file name of a training's weights."""
    return f"{run.dataset}-{run.identity}.safetensors"


def brought(run: TunedRun) -> bool:
    """Say whether the package has the weights of a training."""
    return (FOLDER / name_of(run)).is_file()


def take(run: TunedRun, out: Path) -> bool:
    """Copy a training's weights into `out` if the package has them, and say whether it has."""
    from bench.tuning.files import TUNED
    from bench.tuning.run import FACTS

    if not brought(run):
        return False
    path = FOLDER / name_of(run)
    replace_file(out / TUNED, path.read_bytes())
    facts = msgspec.json.decode(path.with_suffix(".json").read_bytes())
    replace_file(out / FACTS, msgspec.json.encode({**facts, "shipped": path.name}) + b"\n")
    return True
