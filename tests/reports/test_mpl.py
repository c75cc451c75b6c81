from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from itertools import combinations, cycle, pairwise

import pytest
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.drawings.chart import Axis, Chart, Cloud, Grid, Line, Mark, Panel
from reports.drawings.palette import DASHES, LIGHT, MARKERS
from reports.paper import figures
from reports.paper.mpl import STYLE, draw, save
from reports.paper.mpl_labels import unnamed
from reports.paper.mpl_text import drawable

NAMES = ("mgd3", "dit", "random")
FOREST = Chart(
    "forest",
    "Top-1 on nette",
    "Lines are 95% intervals.",
    Axis("top-1 accuracy, %", 20.0, 60.0),
    Axis("", -0.5, 2.5, names=NAMES),
    tuple(
        Line(name, (Mark(50.0 - 10 * y, y, 45.0 - 10 * y, 55.0 - 10 * y),), y - 1, joined=False)
        for y, name in enumerate(NAMES)
    ),
    across=True,
    band=(-0.5, 0.5),
)
CURVES = Chart(
    "by-ipc",
    "Accuracy by IPC",
    "",
    Axis("images per class", 0.9, 60.0, log=True, ticks=(1.0, 10.0, 50.0)),
    Axis("top-1 accuracy, %", 0.0, 100.0),
    tuple(
        Line(name, tuple(Mark(x, 30.0 + x / 2, 20.0, 90.0) for x in (1.0, 10.0, 50.0)), colour)
        for colour, name in enumerate((*NAMES, *"abcdefghijk"))
        if colour < 7
    ),
)
DOTS = Chart(
    "cost",
    "Accuracy against seconds",
    "",
    Axis("seconds", 0.01, 1000.0, log=True),
    Axis("top-1 accuracy, %", 0.0, 100.0),
    (
        Line("", (Mark(0.1, 40.0, shape="none"), Mark(10.0, 60.0, shape="none")), labelled=False),
        *(Line(name, (Mark(1.0, 50.0),), -1, joined=False) for name in NAMES),
        Line("full", (Mark(100.0, 90.0, shape="ring"),), joined=False),
    ),
)
CLOUD = Cloud(
    "coverage",
    "Features",
    "",
    ("mgd3", "dit"),
    ("all classes", "cat"),
    ((Panel("", "real", ((0, "one"), (-1, "two"))), Panel("", "real", ())), (None, None)),
    {"real": ((0, 0), (999, 999), (500, 2)), "one": ((3, 4),), "two": ()},
)
GRID = Grid(
    "heat",
    "Networks",
    "",
    ("mgd3", "a method with a long name"),
    ("convnet3", "resnet18"),
    (("34.1 (-3.2)", ""), ("37.3", "20.0 (+1.0)")),
    ((0, None), (8, 4)),
)
DRAWINGS = {d.slug: d for d in (FOREST, CURVES, DOTS, CLOUD, GRID)}


def renamed(drawing, *names):
    """Return a drawing with these texts wherever there is one, in turns."""
    turns = cycle(names)
    if isinstance(drawing, Chart):
        changes = {
            "title": next(turns),
            "x": replace(drawing.x, title=next(turns)),
            "y": replace(
                drawing.y, title=next(turns), names=tuple(next(turns) for _ in drawing.y.names)
            ),
            "lines": tuple(replace(line, name=next(turns)) for line in drawing.lines),
        }
        return replace(drawing, **changes)
    changes = {
        "columns": tuple(next(turns) for _ in drawing.columns),
        "rows": tuple(next(turns) for _ in drawing.rows),
    }
    if isinstance(drawing, Grid):
        changes["texts"] = tuple(tuple(next(turns) for _ in line) for line in drawing.texts)
    return replace(drawing, **changes)


@pytest.mark.parametrize("width", ["one", "two"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_fonts_are_embedded_and_the_page_is_as_wide_as_its_columns(name, width, tmp_path):
    from pypdf import PdfReader

    save(draw(DRAWINGS[name], width), tmp_path / "figure.pdf")
    (page,) = PdfReader(tmp_path / "figure.pdf").pages
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        assert font["/Subtype"] != "/Type3"
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert "/FontFile2" in inner["/FontDescriptor"].get_object()
    assert float(page.mediabox.width) == pytest.approx({"one": 3.25, "two": 6.75}[width] * 72)


@pytest.mark.parametrize("suffix", [".pdf", ".png"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_the_same_drawing_gives_the_same_bytes_whatever_is_set_outside(name, suffix, tmp_path):
    import matplotlib

    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    save(draw(DRAWINGS[name], "one"), first)
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 50}):
        save(draw(DRAWINGS[name], "one"), second)
        assert matplotlib.rcParams["font.size"] == 20
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_worst_names_are_drawn_without_a_warning(name, tmp_path):
    for start in range(0, len(HOSTILE), 8):
        figure = draw(renamed(DRAWINGS[name], *HOSTILE[start : start + 8]), "one")
        save(figure, tmp_path / "figure.pdf")


def test_a_png_has_300_dots_an_inch(tmp_path):
    from PIL import Image

    save(draw(FOREST, "one"), tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width == 975
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_rows_of_a_forest_stand_from_above_and_intervals_lie_across():
    (axes,) = draw(FOREST, "one").axes
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
    segments = [lines.get_segments()[0].tolist() for lines in axes.collections]
    assert [[45.0, 0.0], [55.0, 0.0]] in segments


def test_an_interval_ends_at_the_axis():
    mark = Mark(1.0, 50.0, -300.0, 400.0)
    (axes,) = draw(replace(CURVES, lines=(Line("a", (mark,)),)), "one").axes
    (lines,) = axes.collections
    assert lines.get_segments()[0][:, 1].tolist() == [0.0, 100.0]


def test_every_line_and_dot_is_named_without_a_legend():
    for chart in (CURVES, DOTS):
        (axes,) = draw(chart, "one").axes
        wanted = [line.name for line in chart.lines if line.labelled]
        assert [text.get_text() for text in axes.texts] == wanted
        assert axes.get_legend() is None


def test_names_at_the_ends_of_lines_do_not_overlap():
    (axes,) = draw(CURVES, "one").axes
    tops = sorted(text.get_window_extent().y0 for text in axes.texts)
    assert min(b - a for a, b in pairwise(tops)) > 7.0


def test_letters_that_the_font_lacks_are_marked_as_such():
    chart = renamed(FOREST, "蒸a")
    (axes,) = draw(chart, "one").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["\ufffda"] * 3


def test_dollars_are_no_formulas():
    (axes,) = draw(renamed(FOREST, "$a$"), "one").axes
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())


def test_the_style_file_has_the_colours_of_the_report():
    import matplotlib

    style = matplotlib.rc_params_from_file(STYLE, use_default_template=False)
    colours = [entry["color"] for entry in style["axes.prop_cycle"]]
    assert tuple(colours) == LIGHT
    assert style["pdf.fonttype"] == 42


def test_headings_of_narrow_columns_lean_and_short_ones_do_not():
    wordy = replace(GRID, columns=("a method with a long name", "another one of them"))
    for grid, leans in ((wordy, True), (replace(GRID, columns=("dit", "mgd3")), False)):
        figure = draw(grid, "one")
        labels = [tick.label2 for tick in figure.axes[0].xaxis.get_major_ticks()]
        assert [label.get_rotation() > 0 for label in labels] == [leans] * 2
        assert all(label.get_window_extent().y1 <= figure.bbox.y1 for label in labels)


def test_negative_numbers_have_a_minus_at_marks_and_in_cells():
    axis = Axis("KID", -0.02, 0.02)
    (axes,) = draw(replace(DOTS, x=axis), "one").axes
    assert "−0.01" in [label.get_text() for label in axes.get_xticklabels()]
    (axes,) = draw(GRID, "one").axes
    assert "34.1\n(−3.2)" in [text.get_text() for text in axes.texts]


def test_a_logarithmic_axis_is_one():
    (axes,) = draw(CURVES, "one").axes
    places = axes.transData.transform([(1.0, 0.0), (10.0, 0.0), (50.0, 0.0)])[:, 0]
    assert places[1] - places[0] == pytest.approx((places[2] - places[1]) / math.log10(5))
    assert axes.get_yscale() == "linear"


def test_numbers_at_marks_of_a_crowded_axis_do_not_overlap():
    crowded = replace(DOTS, x=Axis("MB", 0.0025, 0.011, log=True))
    (axes,) = draw(crowded, "one").axes
    axes.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.get_xticklabels() if text.get_text()]
    assert len(boxes) > 1
    assert all(before.x1 < after.x0 for before, after in pairwise(boxes))


def crowd(places):
    """Return a chart of dots at these places, the first seven with a colour."""
    lines = tuple(
        Line(f"method {n}", (Mark(x, y, y - 8, y + 8),), n if n < 7 else -1, joined=False)
        for n, (x, y) in enumerate(places)
    )
    return replace(DOTS, x=Axis("FID", 0.0, 100.0), lines=lines)


def overlap(one, other):
    return min(one.x1, other.x1) > max(one.x0, other.x0) and min(one.y1, other.y1) > max(
        one.y0, other.y0
    )


numbers = st.floats(1, 99)
crowded = st.floats(49, 51)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(numbers, numbers) | st.tuples(crowded, crowded), max_size=30))
def test_names_of_dots_cover_neither_each_other_nor_a_dot(places):
    (axes,) = draw(crowd(places), "one").axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    dots = axes.transData.transform(places) if places else ()
    assert not any(box.contains(*dot) for box in boxes for dot in dots)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(numbers, numbers) | st.tuples(crowded, crowded), max_size=30))
def test_a_line_to_a_name_is_short_and_passes_over_no_other_dot(places):
    (axes,) = draw(crowd(places), "one").axes
    dots = axes.transData.transform(places) if places else ()
    for line in axes.lines:
        if line.get_transform() != axes.transAxes:
            continue
        start, end = axes.transAxes.transform(line.get_xydata())
        length = math.dist(start, end)
        assert length <= 28.8 + 1e-6  # 40 pixels at 100 an inch, 72 points
        own = min(dots, key=lambda dot: math.dist(dot, start))
        others = [dot for dot in dots if tuple(dot) != tuple(own)]
        for share in (step / length for step in range(4, int(length))):
            on_it = start + (end - start) * share
            assert all(math.dist(dot, on_it) > 2 for dot in others)


def test_where_room_is_short_names_with_a_colour_come_first_and_the_rest_is_counted():
    chart = crowd([(50.0, 50.0)] * 47)
    figure = draw(replace(chart, lines=chart.lines[::-1]), "one")
    (axes,) = figure.axes
    shown = {text.get_text(): math.hypot(*text.get_position()) for text in axes.texts}
    coloured = {f"method {n}" for n in range(7)}
    assert coloured <= set(shown)
    assert min(shown, key=lambda name: shown[name]) in coloured
    assert unnamed(figure, chart) == 47 - len(shown) > 0


def test_where_there_is_room_every_name_stands_close_to_its_dot():
    places = [(20.0 * n, 90.0 - 15 * n) for n in range(5)]
    (axes,) = draw(crowd(places), "one").axes
    assert len(axes.texts) == 5
    for text, place in zip(axes.texts, axes.transData.transform(places), strict=True):
        box = text.get_window_extent()
        near = min(max(place[0], box.x0), box.x1), min(max(place[1], box.y0), box.y1)
        assert math.dist(near, place) < 7


ROOM = 1.06
"""Inches that hold eighteen letters."""


@pytest.mark.parametrize("method", ["igd", "manifoldgd", "a" * 13])
@pytest.mark.parametrize("term", ["x", "manifold", "a term with a long name"])
def test_of_a_method_and_its_term_the_term_is_cut(method, term):
    shown = drawable(f"{method}: {term}", ROOM)
    assert shown.startswith(f"{method}: {term[0]}")
    assert len(shown) <= 18


def test_letters_behind_a_long_name_are_never_cut():
    assert drawable("kmeans+features=embedded * · a b", ROOM).endswith(" · a b")


def test_pictures_of_a_cloud_are_squares_that_fill_the_height_and_stand_in_the_middle():
    for width, columns in (("one", 2), ("two", 7)):
        row = tuple(Panel("", "real", ()) for _ in range(columns))
        names = tuple("abcdefg"[:columns])
        figure = draw(replace(CLOUD, columns=names, panels=(row, row)), width)
        boxes = [axes.get_window_extent() for axes in figure.axes]
        assert all(box.width == pytest.approx(box.height) for box in boxes)
        assert min(box.y0 for box in boxes) < 4
        inches = figure.get_figwidth()
        left, right = min(b.x0 for b in boxes), 72 * inches - max(b.x1 for b in boxes)
        assert 0 <= left - right < 18


def dash_of(line):
    """Return the shares of stroke and gap that a line is drawn with, as SVG says it."""
    out = io.StringIO()
    line.set_gid("wanted")
    line.figure.savefig(out, format="svg", metadata={"Date": None})
    (found,) = re.findall(r'<g id="wanted">\s*<path [^>]*?style="([^"]*)"', out.getvalue())
    line.set_gid(None)
    lengths = re.search(r"stroke-dasharray: ([\d., ]+)", found)
    return shares(map(float, lengths[1].split(","))) if lengths else ()


def shares(lengths):
    whole = list(lengths)
    return tuple(round(length / sum(whole), 3) for length in whole)


def test_a_method_has_one_colour_marker_and_dash_on_every_figure(told):
    """Held against the palette by the positions that the report gives to methods."""
    from matplotlib.colors import same_color

    place = {name.label: at for name, at in told.material.colours.items()}
    seen = {"name": set(), "mark": set(), "line": set()}
    for drawn in figures.drawn(figures.chosen(told.material)):
        if not isinstance(drawn.drawing, Chart):
            continue
        (axes,) = drawn.figures["one"].axes
        for text in axes.texts:
            if text.get_text() in place:
                assert same_color(text.get_color(), LIGHT[place[text.get_text()]])
                seen["name"].add(text.get_text())
        artists = {tuple(zip(*line.get_data(), strict=True)): line for line in axes.lines}
        for line in (line for line in drawn.drawing.lines if line.name in place):
            at = place[line.name]
            path = artists.get(tuple((mark.x, mark.y) for mark in line.marks))
            if line.joined and path and len(line.marks) > 1:
                assert same_color(path.get_color(), LIGHT[at])
                assert dash_of(path) == (shares(DASHES[at]) if DASHES[at] else ())
                seen["line"].add(line.name)
            elif path:
                assert same_color(path.get_color(), LIGHT[at])
                assert path.get_marker() == MARKERS[at]
                seen["mark"].add(line.name)
    assert seen == {kind: set(place) for kind in seen}
