"""The docs site builds without a warning and has all it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import app
from bench.data import DATASETS
from bench.scores import SCORES
from methods import METHODS, PRESETS
from protocols import PROTOCOLS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(ROOT / "mkdocs.yml")]
    done = subprocess.run(
        [*command, "--site-dir", str(folder / "site")],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder / "site"


def text_of(site: Path, page: str) -> str:
    return (site / f"{page}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("methods", name) for name in (*METHODS, *PRESETS)]
    + [("protocols", name) for name in PROTOCOLS],
)
def test_every_registered_name_has_a_page_with_its_fields(kind, name, site):
    text = text_of(site, f"reference/{kind}/{name.replace('/', '-')}")
    spec = {**METHODS, **PRESETS, **PROTOCOLS}[name]
    assert "<h1 id=" in text
    for field in vars(spec):
        assert f"<code>{field}</code>" in text


@pytest.mark.parametrize(
    ("page", "names"),
    [("datasets", DATASETS), ("scores", SCORES)],
)
def test_lists_have_every_name(page, names, site):
    text = text_of(site, f"reference/{page}")
    assert [name for name in names if f"<code>{name}</code>" not in text] == []


def test_every_command_is_described(site):
    text = text_of(site, "reference/commands")
    names = [one.name or one.callback.__name__.replace("_", "-") for one in app.registered_commands]
    assert [name for name in names if f">bench {name}<" not in text] == []


def test_nothing_is_fetched_from_elsewhere(site):
    fetched = re.compile(r"""(?:\bsrc|<link[^>]+\bhref)=["']?(?:https?:)?//""")
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    assert [page for page in pages if fetched.search(page.read_text(encoding="utf-8"))] == []


def test_only_pages_and_pictures_are_on_the_site(site):
    assert [path for path in site.rglob("*") if path.suffix in (".py", ".pyc")] == []


def test_every_file_with_something_unverified_is_listed(site):
    text = text_of(site, "reference/unverified")
    rooms = ("docs/methods/*.md", "docs/protocols/*.md", "methods/**/*.py", "bench/**/*.py")
    marked = {
        path.relative_to(ROOT).as_posix()
        for pattern in rooms
        for path in ROOT.glob(pattern)
        if path.name != "index.md" and "UNVERIFIED" in path.read_text(encoding="utf-8")
    }
    assert "methods/dap.py" in marked
    assert [path for path in sorted(marked) if path not in text] == []
    assert text.count("UNVERIFIED") >= len(marked)


def test_links_out_of_the_docs_lead_to_pages_of_the_site(site):
    text = text_of(site, "index")
    assert 'href="project/readme.html"' in text
    assert (site / "files/bench/record.schema.json").is_file()
    assert (site / "files/bench/generators/weights/embedded/card.json").is_file()


def test_lists_within_lists_and_blocks_within_steps_stay_within(site):
    text = text_of(site, "index")
    assert re.search(r'<ul>\s*<li><a href="contributing/method.html">a method</a></li>', text)
    steps = re.search(r"<ol>.*?</ol>", text_of(site, "contributing/result"), re.S)
    assert steps is not None
    assert 'class="highlight"' in steps[0]
    assert "```" not in steps[0]
