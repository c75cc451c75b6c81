"""Print how long the report of a hundred thousand records takes, and how large it is.

    python -m benchmarks.report_speed [--folder DIR] [--browser]

Records are written to a temporary folder, or to `--folder`, where they stay and are used again.
`--browser` opens the page in Chromium too, and sorts its first table.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from bench.many_records import read
from bench.records import encode
from benchmarks.invented_records import MANY_RECORDS, records

T = TypeVar("T")
WANTED = 30.0
"""Seconds that the report may take."""


def write(folder: Path) -> int:
    """Write the records of a full design, unless they are there; return how many there are."""
    place = folder / "records"
    place.mkdir(parents=True, exist_ok=True)
    if not any(place.iterdir()):
        for record in records(MANY_RECORDS):
            (place / f"{record.key}.json").write_bytes(encode(record))
    return sum(1 for _ in place.iterdir())


def timed(what: str, work: Callable[[], T]) -> T:
    """Return what the work returns; print a row with its seconds."""
    started = perf_counter()
    result = work()
    print(f"| {what} | {perf_counter() - started:.1f} |", flush=True)
    return result


def measure(folder: Path) -> Path:
    """Print the table of one report, and return the page."""
    from reports.material import gather
    from reports.page import page

    started = perf_counter()
    print("| step | seconds |\n| --- | --- |")
    found = timed("reading the records", lambda: list(read(folder)))
    material = timed("boards, ranks and standings", lambda: gather(found))
    text = timed("the page", lambda: page(material)).encode()
    seconds = perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"| all | {seconds:.1f} |\n")
    print(f"{len(text) / 1e6:.1f} MB; {memory:.1f} GiB of memory; wanted: below {WANTED:g} s.")
    out = folder / "index.html"
    out.write_bytes(text)
    return out


def browse(page: Path) -> None:
    """Print how long a browser takes to open the page and to sort its first table."""
    from benchmarks.screenshots import chromium

    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        timed("opening in Chromium", lambda: tab.goto(page.as_uri(), timeout=120_000))
        button = tab.locator("table[data-board] th button").first
        button.scroll_into_view_if_needed()
        timed("sorting the first table", lambda: button.click(timeout=120_000))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.report_speed", description="Speed of a report.")
    parser.add_argument("--folder", type=Path, help="where records stay, for a second time")
    parser.add_argument("--browser", action="store_true", help="open the page in Chromium too")
    asked = parser.parse_args(arguments)
    print(f"- Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    kept = nullcontext(asked.folder) if asked.folder else tempfile.TemporaryDirectory()
    with kept as folder:
        print(f"- {write(Path(folder)):,} records of 20 evaluations each\n", flush=True)
        page = measure(Path(folder))
        if asked.browser:
            browse(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
