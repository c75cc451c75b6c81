"""Every protocol has a page, and what the page says of fields is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.comparisons import field_table
from bench.features.extractors import KNOWN
from bench.scores import SCORES
from protocols import ALIASES, PROTOCOLS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "protocols"
REFERENCES = {**ALIASES, "fidelity": "fidelity"}
"""What a page compares its protocol with: the one that the short name stands for, or itself."""
SECTIONS = (
    "Who uses it",
    "How it differs from its neighbours",
    "How published numbers were reported",
    "Readings",
    "What is UNVERIFIED",
    "Fields",
)
WITHOUT_STUDENTS = (
    "What it measures",
    "What the numbers do not say",
    "Readings",
    "What is UNVERIFIED",
    "Fields",
)
COMPARED = sorted(name for name in PROTOCOLS if name not in (ALIASES["hard"], "fidelity"))
COMPARISON = re.compile(
    r"^```console\n\$ bench (list protocols --diff [^\n]+)\n(.*?)^```", re.M | re.S
)


def page_of(name: str) -> Path:
    return FOLDER / f"{name.replace('/', '-')}.md"


def reference_of(name: str) -> str:
    """Return what a page compares a protocol with; the soft reference with the hard one."""
    reference = REFERENCES[name.partition("/")[0]]
    return REFERENCES["hard"] if name == ALIASES["soft"] else reference


def test_every_page_is_that_of_a_protocol_and_is_listed_in_the_index():
    pages = {page_of(name) for name in PROTOCOLS}
    assert set(FOLDER.glob("*.md")) - {FOLDER / "index.md"} == pages
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    for name in PROTOCOLS:
        assert f"[`{name}`]({page_of(name).name})" in index


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_page_has_all_its_sections(name):
    text = page_of(name).read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    sections = SECTIONS if PROTOCOLS[name].uses_students else WITHOUT_STUDENTS
    assert tuple(re.findall(r"^## (.+)$", text, re.M)) == sections
    assert "Source: `" in text


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_table_of_fields_is_that_of_the_code(name):
    text = page_of(name).read_text(encoding="utf-8")
    table = text[text.index("| field | value | meaning |") :]
    assert table == field_table(PROTOCOLS[name], PROTOCOLS[reference_of(name)]) + "\n"


@pytest.mark.parametrize("name", COMPARED)
def test_the_comparison_is_what_the_command_prints(name, bench):
    ((command, shown),) = COMPARISON.findall(page_of(name).read_text(encoding="utf-8"))
    assert command == f"list protocols --diff {reference_of(name)} {name}"
    assert bench(*command.split()).out == shown


def test_values_that_differ_from_the_reference_are_bold():
    rows = field_table(PROTOCOLS["hard/igd"], PROTOCOLS["hard/minimax"]).splitlines()
    bold = {row.split("`")[1] for row in rows[2:] if "**" in row.split("|")[2]}
    assert bold == {"optimizer", "lr", "weight_decay"}
    assert any(row.startswith("| `momentum` | 0.9 | ") for row in rows)


def test_a_protocol_that_is_compared_with_itself_has_nothing_in_bold():
    assert "**" not in field_table(PROTOCOLS["fidelity"], PROTOCOLS["fidelity"])
    assert COMPARISON.findall(page_of("fidelity").read_text(encoding="utf-8")) == []


def test_the_page_of_images_names_every_network_and_every_score():
    page = page_of("fidelity").read_text(encoding="utf-8")
    scores = {name for name, score in SCORES.items() if score.group == "images"}
    assert {name for name in (*KNOWN, *scores) if f"`{name}`" not in page} == set()
