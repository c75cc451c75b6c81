"""Links of pages, turned from where a checkout has things to where the site has them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

PAGES = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "leaderboards/published/README.md": "project/ledger.md",
}
"""Pages of the repository outside of `docs/`, and where the site has them."""
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")


def turned(text: str, was: str, now: str, root: Path) -> str:
    """Return the Markdown of a page of the repository with links for its place on the site.

    `was` is the page's path in the repository, `now` that on the site. Links to what does not exist
    stay, and mkdocs complains of them.
    """

    def link(found: re.Match[str]) -> str:
        place = _place(found[1], was, root)
        if place is None:
            return found[0]
        return f"]({posixpath.relpath(place, posixpath.dirname(now) or '.')}{found[2] or ''})"

    return LINK.sub(link, text)


def outside(text: str, was: str, root: Path) -> Iterator[str]:
    """Yield the files, no pages of the site, that a page of the repository links to."""
    for found in LINK.finditer(text):
        place = _place(found[1], was, root)
        if place is not None and place.startswith("files/"):
            yield place.removeprefix("files/")


def _place(link: str, was: str, root: Path) -> str | None:
    """Return where the site has what a link leads to; None if it is nothing of the repository."""
    if ":" in link:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(was), link))
    if (root / path).is_dir():
        path = posixpath.join(path, "index.md" if path == "docs" else "README.md")
    if path in PAGES:
        return PAGES[path]
    if path.startswith("..") or not (root / path).is_file():
        return None
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"
