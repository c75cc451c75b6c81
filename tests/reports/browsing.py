"""The browser that pages are tried in, and how they are opened in it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(
    filter(
        None,
        (
            os.environ.get("BENCH_CHROMIUM"),
            *map(shutil.which, ("chromium", "chromium-browser", "google-chrome")),
        ),
    ),
    None,
)
needed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
TABLE = "table[data-board='{}']"


@contextmanager
def chromium():
    """Start a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextmanager
def shown_in(browser, address, viewport=WIDE, **options):
    """Open a page in a context of its own, and fail if it says, breaks or asks anything."""
    context = browser.new_context(viewport=viewport, **options)
    shown = context.new_page()
    said, asked = [], []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("requestfailed", lambda request: said.append(request.url))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(address)
    yield shown
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [address]
    context.close()


def place_of(told, dataset, ipc):
    """Return the number of a table of the story."""
    return next(
        number
        for number, board in enumerate(told.material.boards)
        if (board.dataset, board.ipc) == (dataset, ipc)
    )
