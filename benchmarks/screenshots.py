"""Take the pictures of a report that stand in the README.

    python -m benchmarks.screenshots DIR/report/index.html --to docs/images

`report-light.png` is the leaderboards as on a desk, `report-phone-dark.png` what is found in short
as on a phone. It takes the system's Chromium, or the one that `BENCH_CHROMIUM` names.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.errors import BenchError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_BYTES = 250_000
"""What a picture of a page of the repository may take."""


@dataclass(frozen=True)
class Picture:
    """What is seen of the page."""

    name: str
    size: tuple[int, int]
    scheme: Literal["light", "dark"]
    at: str
    """The id that the page is scrolled to; "" is its top."""


PICTURES = (
    Picture("report-light", (1280, 900), "light", "leaderboards"),
    Picture("report-phone-dark", (390, 844), "dark", "in-short"),
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the system's browser; BenchError if there is none."""
    from playwright.sync_api import sync_playwright

    named = (os.environ.get("BENCH_CHROMIUM", ""), *BROWSERS)
    found = next(filter(None, (shutil.which(name) for name in named if name)), None)
    if found is None:
        raise BenchError("No Chromium was found: install `chromium` or set `BENCH_CHROMIUM`.")
    arguments = ["--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


def take(page: Path, picture: Picture, browser: Browser) -> bytes:
    """Return one picture of a page as a PNG."""
    from PIL import Image

    width, height = picture.size
    tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=picture.scheme)
    tab.goto(page.resolve().as_uri() + (f"#{picture.at}" if picture.at else ""))
    image = Image.open(io.BytesIO(tab.screenshot(animations="disabled"))).convert("RGB")
    tab.close()
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.screenshots", description="Pictures of a report.")
    parser.add_argument("page", type=Path, help="index.html of a report")
    parser.add_argument("--to", type=Path, default=Path("docs/images"), help="folder")
    asked = parser.parse_args(arguments)
    try:
        with chromium() as browser:
            for picture in PICTURES:
                png = take(asked.page, picture, browser)
                path = asked.to / f"{picture.name}.png"
                path.write_bytes(png)
                note = "" if len(png) <= MOST_BYTES else f", more than {MOST_BYTES:,}"
                print(f"{path}: {len(png):,} bytes{note}")
    except BenchError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
