"""Every method with a generator has a page, and its table of fields is that of the code."""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bench.generating import Generating
from methods import METHODS, PRESETS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "methods"
NAMES = [name for name, method in METHODS.items() if isinstance(method, Generating)]
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|.*\S.*\|$", re.M)
"""Name and default of a field, of a table with a column for the meaning at least."""


def documented(name: str) -> Any:
    """Return the spec whose fields the page of a method is about."""
    method: Any = METHODS[name]
    own = type(method) is not type(METHODS["dit"])
    sampling = method.sampling
    return method if own else (sampling.weights or sampling.select or sampling)


def fields_of(name: str) -> dict[str, Any]:
    """Return the fields with the defaults of the registered method, without those all have."""
    spec = documented(name)
    names = [field.name for field in dataclasses.fields(spec) if field.name != "sampling"]
    return {field: getattr(spec, field) for field in names}


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def says(cell: str, value: Any) -> bool:
    """Say whether the cell of a table gives a value, as a word, a number or a quotient.

    What fills None, or an empty list, may follow after a colon.
    """
    cell = cell.partition(":")[0].strip().strip("`")
    if isinstance(value, bool) or value is None:
        return cell.lower() == str(value).lower()
    if isinstance(value, int | float):
        return bool(re.fullmatch(r"[\d./e-]+", cell)) and float(_number(cell)) == value
    if isinstance(value, tuple):
        return cell.replace(" ", "") == str(value).replace(" ", "")
    return cell == value


def _number(cell: str) -> float:
    return float(Fraction(cell)) if "/" in cell else float(cell)


def test_every_page_is_that_of_a_method_and_is_listed_in_the_index():
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"index"}
    assert pages == set(NAMES)
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"[`{name}`]({name}.md)" in index


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_its_sections_and_says_where_the_method_is_from(name):
    text = text_of(name)
    assert text.startswith(f"# {name}\n")
    sections = re.findall(r"^## (.+)$", text, re.M)
    assert sections[:2] == ["Formula", "Fields"]
    assert any("differs from" in section for section in sections)
    assert re.search(r"^(Source|Paper): ", text, re.M)
    assert re.search(r"labels", text, re.I)
    assert "ImageNet" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_field_stands_in_the_table_with_its_default(name):
    text = text_of(name)
    section = text[text.index("\n## Fields\n") :].partition("\n## ")[2]
    rows = dict(ROW.findall(section.partition("\n## ")[0]))
    rows.pop("sampling", None)  # those that all have stand on the page of `dit`
    fields = fields_of(name)
    assert rows.keys() == fields.keys()
    wrong = {field: rows[field] for field, value in fields.items() if not says(rows[field], value)}
    assert not wrong


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_named_on_the_page_of_its_method(preset):
    assert f"`{preset}`" in text_of(preset.partition("/")[0])


@pytest.mark.parametrize(
    ("cell", "value", "same"),
    [
        ("25/49", 25 / 49, True),
        ("`25/49`", 26 / 49, False),
        ("1e-6", 1e-6, True),
        ("none", None, True),
        ("none", "none", True),
        ("None: 5, and 10 elsewhere", None, True),
        ("None: 5", 5, False),
        ("(): by the rule", (), True),
        ("0.1", None, False),
        ("true", True, True),
        ("1", True, False),
        ("ddpm", "ddpm", True),
        ("()", (), True),
    ],
)
def test_cells_are_read_as_people_do(cell, value, same):
    assert says(cell, value) == same
