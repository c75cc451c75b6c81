"""Charts and clouds as SVG: what stands where."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hostile import HOSTILE, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import drawings
from reports.drawings import svg, svg_cloud
from reports.drawings.chart import Axis, Chart, Cloud, Line, Mark, Panel
from reports.drawings.plane import square_of
from reports.drawings.svg_frame import Frame
from reports.drawings.svg_labels import spread, unnamed
from reports.drawings.svg_text import width
from reports.drawings.ticks import padded

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = st.sampled_from(["dot", "ring", "none"])
VALUES = st.floats(-1e30, 1e30, allow_nan=False)
POSITIVE = st.floats(1e-30, 1e30, allow_nan=False)


def parsed(markup) -> ET.Element:
    """Return the tree; namespaced as it is where HTML holds it."""
    text = str(markup).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ET.fromstring(text)


def with_class(root, name):
    return [one for one in root.iter() if one.get("class") == name]


def starts(root) -> list[tuple[float, float]]:
    """Return where the marks of a chart stand."""
    found = []
    for mark in with_class(root, "mark"):
        x, y = re.match(r"M(\S+) (-?[\d.]+)m", mark.get("d")).groups()
        found.append((float(x), float(y)))
    return found


def box(root) -> tuple[float, float]:
    _, _, wide, tall = map(float, root.get("viewBox").split())
    return wide, tall


def chart(lines, x=None, y=None, **parts) -> Chart:
    xs = [mark.x for line in lines for mark in line.marks]
    ys = [mark.y for line in lines for mark in line.marks]
    x = x or Axis("across", *padded(xs))
    y = y or Axis("up", *padded(ys))
    return Chart("slug", "title", "note", x, y, tuple(lines), **parts)


@st.composite
def charts(draw):
    log = draw(st.booleans())
    values = POSITIVE if log else VALUES
    lines = []
    for number in range(draw(st.integers(1, 10))):
        marks = draw(
            st.lists(st.builds(Mark, values, VALUES, low=VALUES, high=VALUES, shape=SHAPES))
        )
        flags = [draw(st.booleans()) for _ in range(3)]
        lines.append(Line(f"line {number}", tuple(marks), draw(st.integers(-1, 6)), *flags))
    xs = [mark.x for line in lines for mark in line.marks]
    return chart(lines, x=Axis("across", *padded(xs, log), log=log))


@settings(deadline=None)
@given(charts())
def test_every_mark_is_drawn_once_and_inside(made):
    root = parsed(svg.render(made, 1))
    wide, tall = box(root)
    found = starts(root)
    drawn = [mark for line in made.lines for mark in line.marks if mark.shape != "none"]
    assert len(found) == len(drawn)
    assert all(0 <= x <= wide and 0 <= y <= tall for x, y in found)
    numbers = [
        float(number)
        for part in with_class(root, "interval")
        for number in re.findall(r"-?\d+\.?\d*", part.get("d"))
    ]
    assert all(-3 <= number <= max(wide, tall) for number in numbers)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=2, unique=True), st.lists(VALUES, min_size=2, unique=True))
def test_more_is_further_right_and_higher(xs, ys):
    frame = Frame.of(chart([Line("a", tuple(Mark(x, y) for x in xs for y in ys[:2]))]))
    across = [frame.across(value) for value in sorted(xs)]
    down = [frame.down(value) for value in sorted(ys[:2])]
    assert across == sorted(across)
    assert down == sorted(down, reverse=True)


def test_a_logarithmic_axis_gives_equal_ratios_equal_room():
    frame = Frame.of(chart([Line("a", (Mark(1, 1),))], x=Axis("", 1, 1000, log=True)))
    places = [frame.across(value) for value in (1, 10, 100, 1000)]
    assert [after - before for before, after in pairwise(places)] == pytest.approx(
        [(frame.right - frame.left) / 3] * 3
    )


@pytest.mark.parametrize(("number", "said"), [(1, "1 line: a."), (2, "2 lines: a, b.")])
def test_one_line_is_no_lines_for_those_who_hear_it(number, said):
    made = chart([Line(name, (Mark(1, 1),)) for name in "ab"[:number]])
    (told,) = (part.text for part in parsed(svg.render(made, 1)) if part.tag == f"{SVG}desc")
    assert told.startswith(said)


def test_a_narrow_drawing_shows_the_same_in_less_room():
    names = ("a rather long name of a method, longer than half a phone", "b", "c")
    lines = [
        Line(name, (Mark(5.0 - at, at, 0, 9),), at, joined=False, labelled=False)
        for at, name in enumerate(names)
    ]
    made = chart(lines, y=Axis("", -0.5, 2.5, names=names), across=True)
    wide, narrow = (parsed(svg.render(made, 1, narrow=one)) for one in (False, True))
    assert box(narrow)[0] < box(wide)[0]
    assert all(0 < x < box(narrow)[0] for x, _ in starts(narrow))
    orders = [sorted(range(3), key=lambda at: starts(one)[at][0]) for one in (wide, narrow)]
    assert orders[0] == orders[1]
    ids = [{part.get("id") for part in one.iter() if part.get("id")} for one in (wide, narrow)]
    assert not ids[0] & ids[1]
    whole = {part.text for part in narrow.iter() if part.tag.endswith("title")}
    assert names[0] in whole  # where a pointer rests on it


def test_categories_begin_above_and_the_band_holds_its_rows():
    names = ("best", "second", "third")
    lines = [Line(name, (Mark(5 - at, at, 0, 9),), joined=False, labelled=False)
             for at, name in enumerate(names)]  # fmt: skip
    made = chart(lines, y=Axis("", -0.5, 2.5, names=names), across=True, band=(-0.5, 1.5))
    root = parsed(svg.render(made, 1))
    heights = [y for _, y in starts(root)]
    assert heights == sorted(heights)
    band = next(root.iter(f"{SVG}rect"))
    top, tall = float(band.get("y")), float(band.get("height"))
    assert [top < y < top + tall for y in heights] == [True, True, False]
    written = [text.text for text in root.iter(f"{SVG}text")]
    assert written[-4:-1] == list(names) or [n for n in written if n in names] == list(names)


def test_an_interval_that_leaves_the_frame_has_no_cap_there():
    def caps(low, high):
        lines = [Line("a", (Mark(0, 50, low, high),), joined=False)]
        root = parsed(svg.render(chart(lines, y=Axis("", 0, 100)), 1))
        (interval,) = with_class(root, "interval")
        return interval.get("d").count("h6")

    assert [caps(40, 60), caps(-40, 60), caps(-40, 160)] == [2, 1, 0]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_others_becomes_markup(text):
    lines = [Line(text, (Mark(0, 0, text=text), Mark(1, 1, text=text)), joined=at) for at in (0, 1)]
    axes = {name: Axis(text, -1, 2) for name in "xy"}
    made = Chart("s", text, text, axes["x"], axes["y"], tuple(lines))
    safe = Chart("s", "a", "a", axes["x"], axes["y"], tuple(lines))
    rows = chart([Line(text, (Mark(0, 0),))], y=Axis("", -0.5, 0.5, names=(text,)))
    for one in (made, safe, rows):
        root = parsed(svg.render(one, 1))
        assert {part.tag.removeprefix(SVG) for part in root.iter()} <= {
            *("svg", "title", "desc", "g", "path", "text"),
        }
    assert str(svg.render(made, 1)).isprintable()


@settings(deadline=None)
@given(texts())
def test_any_text_gives_a_drawing_that_parses(text):
    lines = (Line(text, (Mark(0, 0, text=text),), joined=False),)
    parsed(svg.render(Chart("s", text, text, Axis(text, 0, 1), Axis(text, 0, 1), lines), 1))
    panel = Panel(text, text, ((0, "b"),))
    points = {text: ((1, 2),), "b": ((3, 4),)}
    parsed(svg_cloud.render(Cloud("s", text, text, (text,), (text,), ((panel,),), points), 1))


@settings(deadline=None)
@given(st.lists(st.floats(0, 300), max_size=20), st.floats(5, 15))
def test_labels_are_spread_in_their_order_and_within_the_frame(wanted, apart):
    found = spread(wanted, 0, 300, apart)
    order = sorted(range(len(wanted)), key=lambda at: (wanted[at], found[at]))
    assert all(found[after] - found[before] >= apart - 1e-6 for before, after in pairwise(order))
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in found)
    if len(wanted) == 1:
        assert found == wanted


def text_boxes(root):
    """Return the boxes of the labels of lines and dots."""
    for group in with_class(root, "label"):
        text = next(group.iter(f"{SVG}text"))
        x, y = float(text.get("x")), float(text.get("y"))
        yield x, x + 0.9 * width(text.text), y - 9, y + 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=14))
def test_labels_never_overlap_and_stay_within_the_drawing(points):
    for joined in (False, True):
        lines = [
            Line(f"method {at}", (Mark(0, 0), Mark(x, y)), at % 8 - 1, joined)
            for at, (x, y) in enumerate(points)
        ]
        root = parsed(svg.render(chart(lines), 1))
        wide, tall = box(root)
        boxes = list(text_boxes(root))
        assert boxes or not joined
        for left, right, top, bottom in boxes:
            assert left >= 0
            assert right <= wide
            assert top >= -2
            assert bottom <= tall
        for one, other in combinations(boxes, 2):
            apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2]
            assert apart or other[3] <= one[2]


@settings(deadline=None)
@given(charts())
def test_every_name_is_drawn_or_told_to_have_no_room(made):
    named = [label[0].text for label in with_class(parsed(svg.render(made, 1)), "label")]
    wanted = [line.name for line in made.lines if line.labelled and line.marks]
    assert sorted([*named, *unnamed(made)]) == sorted(wanted)


@pytest.mark.parametrize("joined", [True, False])
def test_names_of_many_lines_at_one_place_have_no_room(joined):
    lines = [Line(f"method {at}", (Mark(1, 1), Mark(2, 1)), joined=joined) for at in range(60)]
    left_out = unnamed(chart(lines))
    assert 0 < len(left_out) < 60
    assert unnamed(chart(lines[:2])) == []


def test_a_label_that_is_cut_is_whole_where_a_pointer_rests():
    name = "mgd3+" + 20 * "steps=20,"
    root = parsed(svg.render(chart([Line(name, (Mark(0, 0), Mark(1, 1)))]), 1))
    (label,) = with_class(root, "label")
    text = next(label.iter(f"{SVG}text"))
    assert "…" in text.text
    assert next(text.iter(f"{SVG}title")).text == name


def test_ids_begin_with_the_number_on_the_page_and_name_the_drawing():
    root = parsed(svg.render(chart([Line("a", (Mark(0, 0),))]), 7))
    ids = [part.get("id") for part in root.iter() if part.get("id")]
    assert ids == root.get("aria-labelledby").split() == ["f7-title", "f7-desc"]
    assert root.get("role") == "img"


def cloud() -> Cloud:
    points = {"real": ((0, 0), (999, 999)), "one": ((5, 6),), "two": ((7, 8), (9, 9))}
    line = (Panel("p", "real", ((0, "one"),)), None, Panel("q", "real", ((-1, "two"),)))
    return Cloud("s", "t", "n", ("a", "b", "c"), ("all classes",), (line,), points)


def test_a_cloud_holds_real_points_once_and_every_distilled_point():
    root = parsed(svg_cloud.render(cloud(), 3))
    dots = [part.get("d").count("h0") for part in root.iter(f"{SVG}path")]
    assert sorted(dots) == [1, 2, 2]
    uses = [part.get("href") for part in root.iter(f"{SVG}use")]
    assert uses == ["#f3-p0"] * 2
    assert next(part.get("id") for part in root.iter(f"{SVG}path")) == "f3-p0"
    assert len(list(root.iter(f"{SVG}rect"))) == 2


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=50))
def test_points_of_a_panel_are_whole_numbers_from_0_to_999(points):
    square = square_of(points)
    for x, y in square.placed(points):
        assert 0 <= x <= 999
        assert 0 <= y <= 999
    assert math.isfinite(square.half)


def test_a_point_that_is_higher_lies_higher_in_its_panel():
    square = square_of([(0.0, 0.0), (1.0, 2.0)])
    (x, low), (right, high) = square.placed([(0.0, 0.0), (1.0, 2.0)])
    assert x < right
    assert high < low
    assert square.holds((1.0, 2.0))
    assert not square.holds((9.0, 0.0))


def test_markup_is_made_by_format_alone():
    for path in Path(drawings.__file__).parent.glob("svg*.py"):
        text = path.read_text()
        assert "Markup(f" not in text
        assert "style=" not in text
        assert not re.search(r"Markup\((?![\"'\n])", text)


def leaders(root) -> list[list[tuple[float, float]]]:
    """Return both ends of the lines to names, in the order of their dots."""
    (names,) = with_class(root, "labels")
    paths = [path.get("d") for path in names.iter(f"{SVG}path")]
    return [[tuple(map(float, end.split())) for end in path[1:].split("L")] for path in paths]


def test_a_line_to_a_name_is_dotted_and_has_its_colour():
    root = parsed(svg.render(chart([Line("a", (Mark(0, 0), Mark(1, 1)), 2)], x=Axis("", 0, 9)), 1))
    (names,) = with_class(root, "labels")
    (group,) = with_class(names, "c2")
    (path,) = names.iter(f"{SVG}path")
    assert path in list(group)
    assert path.get("stroke") == "currentColor"
    assert path.get("stroke-dasharray")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=2, max_size=25))
def test_a_line_to_the_name_of_a_dot_is_short_and_passes_no_other_dot(points):
    lines = [Line(f"method {at}", (Mark(x, y),), joined=False) for at, (x, y) in enumerate(points)]
    root = parsed(svg.render(chart(lines, x=Axis("", -90, 90), y=Axis("", -50, 50)), 1))
    dots = starts(root)
    for start, end in leaders(root):
        assert math.dist(start, end) <= 41
        along = [
            tuple(a + (b - a) * n / 50 for a, b in zip(start, end, strict=True)) for n in range(51)
        ]
        others = [dot for dot in dots if math.dist(dot, start) > 12]
        assert all(math.dist(one, dot) > 4 for one in along for dot in others)
