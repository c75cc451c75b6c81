from __future__ import annotations

import math
from dataclasses import replace
from itertools import cycle, pairwise

import pytest
from hostile import HOSTILE

from reports.drawings.chart import Axis, Chart, Cloud, Grid, Line, Mark, Panel
from reports.drawings.palette import LIGHT
from reports.paper.mpl import STYLE, draw, save

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
