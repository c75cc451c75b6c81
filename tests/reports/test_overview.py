from __future__ import annotations

from dataclasses import replace

import pytest
from made import board, material

from reports.page import page
from reports.page.overview import heading, words

TWO = {"a": 40.0, "b": 20.0}


@pytest.mark.parametrize(
    ("names", "title"),
    [
        ("x", "Dataset distillation on x"),
        ("xy", "Dataset distillation on x and y"),
        ("xyz", "Dataset distillation on x, y and z"),
        ("vwxyz", "Dataset distillation on v, w, x and 2 more"),
        ("", "Dataset distillation"),
    ],
)
def test_a_page_without_a_title_is_called_by_its_sets(names, title):
    assert heading(material(*(board(TWO, dataset=name) for name in names))) == title


def test_words_are_explained_where_the_page_has_what_they_mean():
    made = board(TWO, "a")
    assert {"interval", "separated"} <= set(words(material(made)))
    bare = [replace(row, cells=(replace(row.cells[0], low=None, high=None),)) for row in made.rows]
    assert "interval" not in words(material(replace(made, rows=tuple(bare))))
    assert "separated" not in words(material(board(TWO)))
    assert "top-1" in words(material(made))
    assert "top-1" not in words(material(board(TWO, metric="fid")))


def test_the_table_of_a_page_does_not_claim_to_be_all_of_a_run(told_small):
    assert "All that was run" not in page(told_small.material)
