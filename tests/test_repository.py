"""What holds for the repository as a whole: who imports whom, and what its pages promise."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("bench", "methods", "protocols", "leaderboards", "reports")
REGISTRY_READERS = re.compile(r"bench/((plan|run).*|registry\.py|cli/.*)")
TRAINING = ("torch", "torchvision", "timm")

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md")
    for page in ROOT.glob(pattern)
    if page.is_file()
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def imports(source: str, path: Path) -> Iterator[str]:
    """Yield the full dotted name of everything a file imports; `path` is relative to the root."""
    package = path.with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_allowed(target: str, path: Path) -> bool:
    """Say whether the table of the rooms lets the file `path` import `target`."""
    if not _within(target, *ROOMS):
        return path.parts[0] not in ("leaderboards", "reports") or not _within(target, *TRAINING)
    return _within(target, *_allowed_places(path))


def _allowed_places(path: Path) -> tuple[str, ...]:
    """Return what of the house a file may import."""
    room = path.parts[0]
    if room == "bench":
        if path.parts[:2] == ("bench", "cli"):
            return ROOMS
        looks_up = REGISTRY_READERS.fullmatch(path.as_posix())
        return ("bench", "methods", "protocols") if looks_up else ("bench",)
    if room in ("methods", "protocols"):
        if path == Path(room, "__init__.py"):
            return ("bench", room)
        return ("bench", *_own_modules(path))
    own = ("leaderboards",) if room == "leaderboards" else ("leaderboards", "reports")
    return ("bench.records", "bench.scores", "bench.versioned", "bench.errors", *own)


def _own_modules(path: Path) -> tuple[str, ...]:
    """Return what belongs to one method or protocol: a package, or `hard.py` and `hard_*.py`."""
    room = ROOT / path.parts[0]
    if len(path.parts) > 2:
        return (".".join(path.parts[:2]),)
    stems = {file.stem for file in room.glob("*.py")}
    beginnings = accumulate(path.stem.split("_"), "{}_{}".format)
    owner = next((name for name in beginnings if name in stems), path.stem)
    own = (stem for stem in stems if stem == owner or stem.startswith(f"{owner}_"))
    return tuple(f"{room.name}.{stem}" for stem in own)


def _within(target: str, *places: str) -> bool:
    return any(target == place or target.startswith(f"{place}.") for place in places)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_the_table_of_the_rooms_allows(room):
    wrong = [
        f"{path} imports {target}"
        for path in (file.relative_to(ROOT) for file in sorted((ROOT / room).rglob("*.py")))
        for target in imports((ROOT / path).read_text(encoding="utf-8"), path)
        if not is_allowed(target, path)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "source", "allowed"),
    [
        ("bench/sets.py", "from methods import METHODS", False),
        ("bench/sets.py", "def f():\n    import protocols.hard", False),
        ("bench/registry.py", "from methods import METHODS", True),
        ("bench/plan.py", "import protocols", True),
        ("bench/plan.py", "import leaderboards", False),
        ("bench/cli/leaderboard.py", "from leaderboards import table", True),
        ("methods/first.py", "from bench.sets import RealSet", True),
        ("methods/first.py", "from methods.random_subset import RandomSubset", False),
        ("methods/first.py", "from . import random_subset", False),
        ("methods/first.py", "from protocols import PROTOCOLS", False),
        ("methods/__init__.py", "from methods.first import First", True),
        ("methods/mgd3.py", "from methods.mgd3_hook import ModeGuidance", True),
        ("methods/mgd3_hook.py", "from methods.mgd3 import MGD3", True),
        ("methods/mgd3_hook.py", "from methods.dit import DiT", False),
        ("methods/minimax/loss.py", "from .memory import Memory", True),
        ("methods/minimax/loss.py", "from methods.first import First", False),
        ("protocols/hard.py", "from protocols.soft_tables import TABLES", False),
        ("leaderboards/rank.py", "from bench.records import Record", True),
        ("leaderboards/rank.py", "from bench import records", True),
        ("leaderboards/rank.py", "from bench.sets import RealSet", False),
        ("leaderboards/rank.py", "import reports", False),
        ("leaderboards/rank.py", "import torch.nn", False),
        ("reports/page.py", "from leaderboards.rank import rank", True),
        ("reports/page.py", "import methods", False),
    ],
)
def test_the_table_of_the_rooms_is_read_as_it_is_written(path, source, allowed):
    targets = list(imports(source, Path(path)))
    assert targets
    assert all(is_allowed(target, Path(path)) for target in targets) is allowed


def test_under_tox_the_installed_rooms_are_tested_and_not_the_checkout():
    if "BENCH_TEST_INSTALLED" not in os.environ:
        pytest.skip("runs against the checkout")
    for room in ROOMS:
        module = __import__(room)
        assert "site-packages" in Path(module.__file__).parts


def test_the_version_is_the_same_wherever_it_is_written():
    import bench

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (cited,) = re.findall(r"^version: (\S+)$", citation, re.MULTILINE)
    assert bench.__version__ == project["version"] == cited.strip("\"'")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_of_a_page_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    files = [target.split("#")[0] for target in targets if "://" not in target]
    assert [name for name in files if name and not (page.parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_brackets_in_shell_commands_are_quoted(page):
    text = page.read_text(encoding="utf-8")
    assert [line for line in _commands(text) if _has_bare_bracket(line)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sh\nbench run --methods kmeans[n_init=3]\n```\n", True),
        ('```sh\nbench run --methods "kmeans[n_init=3]"\n```\n', False),
        ("write `bench list methods[x]` here", True),
        ("the spec `kmeans[n_init=3]` by itself", False),
    ],
)
def test_a_bare_bracket_is_found_in_blocks_and_in_inline_commands(text, found):
    assert any(_has_bare_bracket(line) for line in _commands(text)) is found


def _commands(text: str) -> list[str]:
    """Return the lines of shell blocks and the inline code that starts a command."""
    blocks = [body for kind, body in FENCE.findall(text) if kind in ("sh", "bash", "console")]
    inline: Callable[[str], list[str]] = re.compile(r"`((?:bench|pip|make|tox) [^`]+)`").findall
    return [*"\n".join(blocks).splitlines(), *inline(FENCE.sub("", text))]


def _has_bare_bracket(command: str) -> bool:
    unquoted = re.sub(r"\"[^\"]*\"|'[^']*'", "", command)
    return "[" in unquoted or "]" in unquoted


def test_pickles_are_read_in_one_place_only():
    reader = Path("bench", "teachers", "unpickle.py")
    unsafe = re.compile(
        r"torch\.load\(|\bpickle\.loads?\(|load_state_dict_from_url|allow_pickle=True"
    )
    files = {path for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    found = {path for path in files if unsafe.search(path.read_text(encoding="utf-8"))}
    assert {path.relative_to(ROOT) for path in found} == {reader}
    assert "weights_only=True" in (ROOT / reader).read_text(encoding="utf-8")


def test_what_goes_into_the_wheel_is_small():
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    shipped = [path for path in files if "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in shipped) <= 16_000_000  # and a wheel compresses
