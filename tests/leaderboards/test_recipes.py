from __future__ import annotations

import re
from collections import Counter

import pytest

from leaderboards.published import conditions, ledger, recipes

ROWS = ledger.read()


def test_every_row_meets_a_rule_and_every_rule_a_row():
    found = Counter(map(recipes.rule_of, ROWS))
    assert None not in found
    assert set(found) == set(recipes.RULES)


def test_a_recipe_has_a_basis_and_labels_of_its_kind():
    for row in ROWS:
        rule = recipes.rule_of(row)
        assert bool(rule.recipe) == bool(rule.basis)
        assert rule.recipe.partition("/")[0] in ("", row.protocol)


def test_every_name_of_ours_is_registered():
    from bench.backbones import find_student
    from bench.data import DATASETS
    from bench.generators import GENERATORS
    from methods import METHODS, PRESETS
    from protocols import PROTOCOLS

    assert set(recipes.METHODS.values()) <= {*METHODS, *PRESETS}
    assert {*recipes.DATASETS.values(), *recipes.SAME_CLASSES} <= set(DATASETS)
    assert {rule.recipe for rule in recipes.RULES} - {""} <= set(PROTOCOLS)
    assert set(recipes.GENERATORS.values()) <= set(GENERATORS)
    for student in {recipes.student_of(row) for row in ROWS} - {""}:
        assert find_student(student) is not None


def test_every_published_name_of_a_table_stands_in_the_ledger():
    for table, column in (
        (recipes.METHODS, "method"),
        (recipes.DATASETS, "dataset"),
        (recipes.OWN_STUDENTS | recipes.TORCHVISION, "student"),
        (recipes.METRICS, "metric"),
    ):
        assert set(table) <= {getattr(row, column) for row in ROWS}
    for source in (*conditions.SPLITS, *(variant[0] for variant in conditions.VARIANTS)):
        assert any(row.source.startswith(source) for row in ROWS)
    for one in conditions.RUNS:
        assert any(one.fits(row) for row in ROWS)
    assert set(conditions.TWO_SPLITS) <= {row.dataset for row in ROWS}
    backbones = {row.backbone.partition(" (")[0] for row in ROWS}
    assert set(recipes.GENERATORS) <= backbones


def rows(**wanted):
    return [row for row in ROWS if all(getattr(row, k) == v for k, v in wanted.items())]


def test_two_papers_on_the_same_images_are_of_two_families():
    cell = {"method": "DiT", "dataset": "ImageWoof", "student": "ResNet-18", "ipc": 10}
    found = {row.value: recipes.recipe_of(row) for row in rows(**cell, protocol="hard")}
    assert found[34.7] == "hard/minimax"
    assert found[40.6] == "hard/igd"


@pytest.mark.parametrize(
    ("wanted", "recipe", "basis"),
    [
        ({"source": "2311.15529", "protocol": "hard"}, "hard/minimax", "read"),
        ({"source": "2311.15529", "method": "SRe2L"}, "soft/fkd", "derived"),
        ({"source": "2311.15529", "method": "RDED"}, "soft/rded", "read"),
        ({"source": "2510.17421", "protocol": "hard", "method": "MGD3"}, "", ""),
        ({"source": "2510.17421", "protocol": "hard", "method": "DiT-IGD"}, "hard/igd", "derived"),
        ({"source": "2510.17421", "protocol": "hard", "dataset": "ImageNet-1K"}, "", ""),
        ({"source": "2506.23580", "protocol": "soft", "method": "VLCP"}, "soft/vlcp", "read"),
        ({"source": "2506.23580", "protocol": "soft", "method": "DiT"}, "soft/rded", "read"),
        ({"source": "2407.15138", "protocol": "soft", "method": "D4M"}, "soft/fkd", "read"),
        ({"source": "2407.15138", "method": "TESLA"}, "", ""),
        ({"source": "2505.18399", "method": "D3HR"}, "soft/d3hr", "read"),
        ({"source": "2505.18399", "method": "DWA"}, "", ""),
        ({"source": "2603.13960"}, "", ""),
        ({"source": "2505.18963", "locator": "Table 4"}, "", ""),
        ({"protocol": "none"}, "", ""),
    ],
)
def test_rows_have_the_recipe_of_their_source(wanted, recipe, basis):
    found = {(rule.recipe, rule.basis) for rule in map(recipes.rule_of, rows(**wanted))}
    assert found == {(recipe, basis)}


@pytest.mark.parametrize(
    ("wanted", "runs", "basis"),
    [
        ({"source": "2506.23580", "method": "VLCP"}, 9, "derived"),  # three runs on three sets
        ({"source": "2506.23580", "method": "Random"}, 3, ""),
        ({"source": "2506.23580", "method": "DiT"}, 3, ""),
        ({"source": "2506.22637", "method": "CaO2"}, 3, "read"),
        ({"source": "2506.22637", "method": "Minimax"}, 3, ""),
        ({"source": "2602.23295", "method": "ManifoldGD"}, 3, "read"),
        ({"source": "2602.23295", "method": "MGD3"}, 3, "read"),  # a re-run
        ({"source": "2602.23295", "method": "Minimax"}, 3, ""),
    ],
)
def test_a_paper_knows_the_runs_of_its_own_numbers_and_not_of_those_it_quotes(wanted, runs, basis):
    found = [conditions.runs_of(row) for row in rows(**wanted)]
    assert {(one.n, one.basis) for one in found} == {(runs, basis)}
    assert not any(one.one_set for one in found if not basis)


def test_the_rows_of_others_in_a_paper_of_nine_runs_are_those_of_an_earlier_paper():
    """Random of 2506.23580 is printed in Table 1 of 2505.18963, deviations and all."""
    first, second = (
        {(r.dataset, r.ipc, r.value, r.std) for r in rows(source=s, method="Random", student=who)}
        for s, who in (("2506.23580", "ResNetAP-10"), ("2505.18963", "ResNetAP-10"))
    )
    assert first
    assert first & second


def test_a_resnet_is_ours_under_hard_labels_and_of_torchvision_under_soft_ones():
    hard, soft = (
        rows(student="ResNet-18", protocol="hard"),
        rows(student="ResNet-18", protocol="soft"),
    )
    assert {recipes.student_of(row) for row in hard} == {"resnet18"}
    assert {recipes.student_of(row) for row in soft} == {"torchvision/resnet18"}
    assert {recipes.student_of(row) for row in rows(student="unspecified")} == {""}


def test_labels_answer_to_the_method_they_are_of():
    for label, method in (
        ("mgd3", "mgd3"),
        ("mgd3/paper", "mgd3"),
        ("mgd3+steps=20", "mgd3"),
        ("igd/minimax", "igd/minimax"),
        ("igd/other", ""),
        ("first", ""),
        ("my-mgd3", ""),
    ):
        assert recipes.method_of(label) == method


def test_fastai_splits_are_of_the_same_classes_and_other_sets_of_their_own():
    assert recipes.dataset_of("imagenette2-320") == "imagenette"
    assert recipes.dataset_of("imagewoof2") == "imagewoof"
    assert recipes.dataset_of("shapenette") == "shapenette"


def test_what_the_readme_of_the_ledger_counts_is_there():
    readme = (ledger.PATH.parent / "README.md").read_text(encoding="utf-8")
    count = re.search(r"([0-9,]+) rows", readme)
    assert count is not None
    assert int(count[1].replace(",", "")) == len(ROWS)
    for name in ledger.COLUMNS:
        assert f"`{name}`" in readme
