"""Build the docs site: what mkdocs calls, as `mkdocs.yml` says.

Beside the pages written by hand the site has pages of the registries, of the command line and of
the repository itself. Pages written by hand never link to those of the registries, which a checkout
does not have; the navigation does, and those link back.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hook_lists
import hook_specs
import hook_unverified
from hook_links import PAGES, outside, turned
from hook_markdown import indented
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PROJECT = {
    "Read me": "README.md",
    "Contributing": "CONTRIBUTING.md",
    "Benchmarks": "benchmarks/README.md",
    "The ledger": "leaderboards/published/README.md",
    "Changes": "CHANGELOG.md",
    "Security": "SECURITY.md",
}
"""Titles and pages of the repository that lie outside of `docs/`."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add what is not written by hand to the navigation."""
    reference: list[object] = [
        {
            kind.capitalize(): [
                {name: f"reference/{kind}/{name.replace('/', '-')}.md"} for name in names
            ]
        }
        for kind, names in hook_specs.names().items()
    ]
    reference += [{title: f"reference/{path}"} for path, title in hook_lists.TITLES.items()]
    reference += [{"All that is unverified": "reference/unverified.md"}]
    config.nav = [
        *(config.nav or ()),
        {"Reference": reference},
        {"Project": [{title: PAGES[path]} for title, path in PROJECT.items()]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository and of the registries, and files that pages link to."""
    root = _root(config)
    written = {f"docs/{page.src_uri}": page.content_string for page in files.documentation_pages()}
    pages = {path: (root / path).read_text(encoding="utf-8") for path in PAGES}
    linked = {
        found for path, text in (written | pages).items() for found in outside(text, path, root)
    }
    made = {
        PAGES[path]: indented(turned(text, path, PAGES[path], root)) for path, text in pages.items()
    }
    made |= {f"reference/{path}": text for path, text in _reference(root).items()}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    for path in sorted(linked):
        files.append(File.generated(config, f"files/{path}", content=(root / path).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page that was written by hand."""
    if page.file.generated_by is not None:
        return markdown
    path = page.file.src_uri
    return indented(turned(markdown, f"docs/{path}", path, _root(config)))


def _reference(root: Path) -> dict[str, str]:
    pages = hook_specs.pages(root / "docs") | hook_lists.pages()
    return pages | {"unverified.md": hook_unverified.page(root)}


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).resolve().parent
