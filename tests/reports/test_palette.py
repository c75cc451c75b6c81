"""Colours of figures: told apart by everyone, and the same for a method throughout."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from leaderboards import build
from leaderboards.ranks.standings import standings
from reports import paper
from reports.drawings import palette
from reports.drawings.palette import DARK, DARK_GROUND, DASHES, GREY, INK, LIGHT, MARKERS

MACHADO = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""Machado, Oliveira & Fernandes, IEEE TVCG 15(6), 2009, table of severity 1.0; linear RGB."""


def linear(colour: str) -> list[float]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.1."""
    weights = (0.2126, 0.7152, 0.0722)
    lums = sorted(sum(w * c for w, c in zip(weights, linear(x), strict=True)) for x in (one, other))
    return (lums[1] + 0.05) / (lums[0] + 0.05)


def lab(colour: str, sight: str) -> list[float]:
    """Return CIE L*a*b* (D65) of a colour as it is seen."""
    seen = [
        min(1.0, max(0.0, sum(w * c for w, c in zip(row, linear(colour), strict=True))))
        for row in MACHADO[sight]
    ]
    to_xyz = (
        (0.4124 / 0.95047, 0.3576 / 0.95047, 0.1805 / 0.95047),
        (0.2126, 0.7152, 0.0722),
        (0.0193 / 1.08883, 0.1192 / 1.08883, 0.9505 / 1.08883),
    )
    x, y, z = (
        value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116
        for value in (sum(w * c for w, c in zip(row, seen, strict=True)) for row in to_xyz)
    )
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize(("colours", "ground"), [(LIGHT, "#FFFFFF"), (DARK, DARK_GROUND)])
def test_every_colour_stands_out_from_its_ground(colours, ground):
    assert len(colours) == 7
    assert min(contrast(colour, ground) for colour in (*colours, GREY)) >= 3


@pytest.mark.parametrize("sight", MACHADO)
@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_no_two_colours_look_alike(colours, sight):
    points = [lab(colour, sight) for colour in colours]
    assert all(
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 >= 10
        for one, other in combinations(points, 2)
    )


def test_colour_is_never_all_that_tells_methods_apart():
    assert len(set(zip(MARKERS[:7], DASHES[:7], strict=True))) == 7
    assert len(set(MARKERS[:7])) == 7
    assert len(MARKERS) == len(DASHES) == len(LIGHT) + 1


def test_style_sheets_hold_these_values():
    room = Path(palette.__file__).parent.parent
    page = (room / "page" / "report.css").read_text().lower()
    for place, colour in [*enumerate(LIGHT), *enumerate(DARK)]:
        assert f"--c{place}: {colour.lower()}" in page
    style = (Path(paper.__file__).parent / "paper.mplstyle").read_text().lower()
    assert all(colour.strip("#").lower() in style for colour in LIGHT)


@pytest.fixture
def ranked(record):
    """Return nine methods at two IPCs, m8 the best of them, and all training images."""
    names = [*(f"m{number}" for number in range(9)), "random"]
    return [
        record(name, ipc, (s, 0), 20.0 + 3 * place + 0.1 * s)
        for place, name in enumerate(names)
        for ipc in (1, 10)
        for s in range(3)
    ] + [record("full", None, (0, 0), 90.0)]


def test_random_images_and_the_six_best_of_the_others_have_colours(ranked):
    boards = build(ranked)
    found = palette.colours(boards, standings(boards))
    by_label = {name.label: place for name, place in found.items()}
    assert by_label == {
        **{"random": INK, "m8": 0, "m7": 1, "m6": 2, "m5": 3, "m4": 4, "m3": 6},
    }


def test_colours_go_by_average_rank_rather_than_by_the_first_table(record):
    def records(order, ipc):
        return [
            record(name, ipc, (s, 0), 50.0 - 5 * place + 0.1 * s)
            for place, name in enumerate(order)
            for s in range(3)
        ]

    orders = {1: ("b", "a", "c"), 10: ("a", "c", "b"), 50: ("a", "c", "b")}
    boards = build([one for ipc, order in orders.items() for one in records(order, ipc)])
    found = palette.colours(boards, standings(boards))
    assert {name.label: place for name, place in found.items()} == {"a": 0, "b": 1, "c": 2}


def test_of_several_protocols_the_one_with_most_methods_decides(record):
    values = {"hard": {"a": 50.0, "b": 40.0, "c": 30.0}, "another": {"b": 60.0, "c": 50.0}}
    boards = build(
        record(name, ipc, (s, 0), value + 0.1 * s, protocol)
        for protocol, means in values.items()
        for name, value in means.items()
        for ipc in (1, 10)
        for s in range(3)
    )
    found = palette.colours(boards, standings(boards))
    assert {name.label: place for name, place in found.items()} == {"a": 0, "b": 1, "c": 2}


def test_without_standings_the_first_table_decides(record):
    boards = build([record("a", last=30.0), record("b", last=50.0), record("c", last=40.0)])
    found = palette.colours(boards, [])
    assert {name.label: place for name, place in found.items()} == {"b": 0, "c": 1, "a": 2}


def test_a_method_with_other_fields_at_every_ipc_keeps_its_colour(record):
    from msgspec.structs import replace

    def named(ipc):
        one = record("mgd3", ipc)
        return replace(one, method=replace(one.method, identity=f"mgd3+modes={ipc}"))

    boards = build([named(1), named(10), record("dit", 1), record("dit", 10)])
    found = palette.colours(boards, [])
    assert len(found) == 3
    assert len({place for name, place in found.items() if name.label == "mgd3"}) == 1
