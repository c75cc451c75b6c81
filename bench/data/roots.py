"""Where a registered set lies below the data root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.errors import UsageError


def find_root(
    name: str,
    data_root: Path | None,
    places: Sequence[str],
    accepts: Callable[[Path], bool],
    layout: str,
    instead: str = "",
) -> Path:
    """Return the first of `data_root` / place that `accepts` takes.

    `layout` says in words what was looked for, `instead` what would do as well. Raises UsageError
    if there is no data root or none of the places will do.
    """
    if data_root is None:
        raise UsageError(
            f"{name!r} needs {layout}: say where with `--data-root PATH` or the environment "
            f"variable `BENCH_DATA`, or name any folder with `NAME=folder:PATH`.{instead}"
        )
    if not data_root.is_dir():
        raise UsageError(f"The data root {data_root} of {name!r} is not a folder.")
    for place in places:
        if accepts(data_root / place):
            return data_root / place
    looked = ", ".join(place or "." for place in places)
    raise UsageError(
        f"{name!r} needs {layout}; none was found in {data_root} (looked at: {looked}). "
        f"Pass another `--data-root`.{instead}"
    )
