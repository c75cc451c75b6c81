"""What figures show, against the numbers that the run was told with."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from statistics import fmean

import made
import pytest
from hostile import HOSTILE, hostile
from story import CLASSES, FULL, METHODS, SEEDS, number

from reports import drawings
from reports.drawings import svg, svg_cloud
from reports.drawings.chart import Chart, Cloud, Grid
from reports.material import gather


def all_of(material):
    """Return every drawing of a report, by section."""
    found = {name: draw(material) for name, draw in drawings.SECTIONS.items()}
    forests = [one for board in material.boards for one in drawings.forests(board, material)]
    return {"forests": forests} | found


@pytest.fixture(scope="module")
def drawn(told):
    return all_of(told.material)


def board_of(material, dataset="shapenette", ipc=10):
    return next(b for b in material.boards if (b.dataset, b.ipc) == (dataset, ipc))


def hard(drawn, *words):
    """Return the one drawing of the hard protocol with `convnet3` whose title has these words."""
    words = (*words, "hard/minimax", "convnet3")
    (one,) = (one for one in drawn if all(word in one.title for word in words))
    return one


def by_name(chart, **wanted):
    return {
        line.name: line
        for line in chart.lines
        if all(getattr(line, name) == value for name, value in wanted.items())
    }


def test_every_section_of_the_story_is_drawn(drawn):
    assert all(drawn.values())


def test_slugs_are_unlike_throughout_a_report(drawn):
    slugs = [one.slug for section in drawn.values() for one in section]
    assert len(set(slugs)) == len(slugs)


def test_a_forest_has_a_row_a_method_and_its_band_is_the_first_rank(told):
    material = told.material
    for board in material.boards:
        ranked = [place for place, column in enumerate(board.columns) if column.score.ranked]
        charts = drawings.forests(board, material)
        assert len(charts) == len(ranked)
        for place, chart in zip(ranked, charts, strict=True):
            cells = {row.method: row.cells[place] for row in board.rows if row.cells[place]}
            if "full" in cells and f"not drawn: full {cells['full'].mean:.1f} %" in chart.note:
                del cells["full"]
            marks = {line.name: line.marks[0] for line in chart.lines}
            assert {name: (mark.x, mark.low, mark.high) for name, mark in marks.items()} == {
                name: (cell.mean, cell.low, cell.high) for name, cell in cells.items()
            }
            assert chart.across
            for name, mark in marks.items():
                assert chart.y.names[int(mark.y)].split(" · ")[0].removesuffix(" *") == name
            shaded = {name for name, mark in marks.items() if inside(mark.y, chart.band)}
            assert shaded == {name for name, cell in cells.items() if cell.rank == 1}


def test_a_reference_far_away_is_told_rather_than_drawn(record):
    records = [record(m, at=(s, 0), last=20.0 + s / 10) for m in "ab" for s in range(3)]
    material = gather([*records, record("full", None, (0, 0), 90.0)])
    (chart,) = drawings.forests(material.boards[0], material)
    assert {line.name for line in chart.lines} == {"a", "b"}
    assert chart.x.high < 30
    assert "not drawn: full 90.0 %" in chart.note


def inside(value, band):
    return band is not None and band[0] < value < band[1]


def test_the_best_stands_above_and_references_below_a_gap(told):
    board = board_of(told.material)
    chart = hard(drawings.forests(board, told.material), "Accuracy")
    assert [name.split(" · ")[0] for name in chart.y.names] == [
        *sorted(METHODS, key=METHODS.get, reverse=True),
        "",
        "full",
    ]
    assert chart.band == (-0.5, 0.5)
    assert by_name(chart)["full"].marks[0].shape == "ring"
    assert {len(name.split(" · ")) for name in chart.y.names[:5]} == {2}


def test_a_column_with_one_set_a_method_is_not_ranked_and_says_so(record):
    material = gather([record("a", last=30.0), record("b", last=40.0)])
    (chart,) = drawings.forests(material.boards[0], material)
    assert chart.band is None
    assert "Not ranked" in chart.note
    assert "interval" not in chart.note


def test_axes_of_accuracy_stay_within_what_accuracy_can_be(record):
    values = {"a": (2.0, 60.0), "b": (50.0, 99.0)}
    material = gather(
        record(name, at=(s, 0), last=value) for name, pair in values.items()
        for s, value in enumerate(pair)
    )  # fmt: skip
    (chart,) = drawings.forests(material.boards[0], material)
    assert -10 < chart.x.low < chart.x.high < 110


def test_training_ends_at_the_last_epoch_and_rings_the_best(drawn):
    chart = hard(drawn["training"], "shapenette at IPC 10")
    for method in METHODS:
        last = fmean(number("shapenette", 10, method, seed) for seed in SEEDS)
        line = by_name(chart, joined=True)[method]
        end = line.marks[-1]
        assert (end.x, end.shape) == (60.0, "dot")
        assert end.y == pytest.approx(last)
        assert [mark.shape for mark in line.marks[:-1]] == ["none"] * 2
        (ring,) = by_name(chart, joined=False)[method].marks
        assert (ring.x, ring.shape) == (40.0, "ring")
        assert ring.y == pytest.approx(last + 1.5)
    assert "chosen on the test set" in chart.note


def test_one_epoch_is_no_curve(drawn):
    assert not [one for one in drawn["training"] if "soft/rded" in one.title]


def test_the_front_holds_who_is_beaten_by_nobody(drawn):
    chart = hard(drawn["cost"], "against time", "shapenette at IPC 10")
    means = {
        method: fmean(number("shapenette", 10, method, seed) for seed in SEEDS)
        for method in METHODS
    }
    # Seconds are 0.1, 0.4, 3, 5 and 9: dap takes longest and is not the best.
    front = by_name(chart, joined=True)["front"].marks
    corners = {round(mark.y, 6) for mark in front}
    assert corners == {round(mean, 6) for method, mean in means.items() if method != "dap"}
    assert all(one.x == other.x or one.y == other.y for one, other in pairwise(front))
    assert all(one.x <= other.x and one.y <= other.y for one, other in pairwise(front))
    # All images are not distilled, so that their time is none of these.
    assert set(by_name(chart, joined=False)) == set(METHODS)
    assert f"Not distilled, and not drawn: full {FULL + 0.5:.1f} %." in chart.note
    assert round(FULL + 0.5, 6) not in corners
    assert "cpu (x86_64), 2 threads" in chart.note


def test_sizes_are_those_of_references_too(drawn):
    chart = hard(drawn["cost"], "size", "shapenette at IPC 10")
    assert by_name(chart)["full"].marks[0].shape == "ring"
    assert "not drawn" not in chart.note


@pytest.mark.parametrize("ends", [{}, {"low": None, "high": None}])
def test_intervals_are_spoken_of_where_a_chart_has_some(ends):
    cells = {name: (made.cell(cost, 1),) for name, cost in (("a", 5.0), ("b", 9.0))}
    plain = made.board({"a": 40.0, "b": 30.0}, "a")
    plain = dataclasses.replace(
        plain,
        rows=tuple(
            dataclasses.replace(row, cells=(dataclasses.replace(row.cells[0], **ends),))
            for row in plain.rows
        ),
    )
    whole = made.with_columns(plain, made.column("seconds"), cells=cells)
    (chart,) = drawings.SECTIONS["cost"](made.material(whole))
    assert ("Vertical lines are 95% intervals" in chart.note) == (not ends)


def test_sizes_are_told_in_a_unit_that_people_read(drawn):
    chart = hard(drawn["cost"], "size", "shapenette at IPC 10")
    # 40 images of 1,500 bytes, and 2,000 of them in all.
    assert chart.x.title.startswith("MB")
    places = {name: line.marks[0].x for name, line in by_name(chart, joined=False).items()}
    assert places == pytest.approx(dict.fromkeys(METHODS, 0.06) | {"full": 3.0})


def test_lines_by_ipc_stand_at_the_ipcs_with_their_intervals(drawn, told):
    chart = hard(drawn["by-ipc"], "shapenette")
    assert chart.x.ticks == (1.0, 10.0)
    assert chart.x.log
    assert chart.x.title == "images per class, logarithmic"
    for method in METHODS:
        marks = by_name(chart)[method].marks
        for ipc, mark in zip((1, 10), marks, strict=True):
            assert 0.9 * ipc < mark.x < 1.1 * ipc
            mean = fmean(number("shapenette", ipc, method, seed) for seed in SEEDS)
            assert mark.y == pytest.approx(mean)
            assert mark.low < mark.y < mark.high
    full = by_name(chart, dashed=True)["full"].marks
    assert {mark.y for mark in full} == {FULL + 0.5}
    assert [mark.x for mark in full] == [chart.x.low, chart.x.high]


def test_no_two_intervals_by_ipc_hide_each_other(drawn):
    chart = hard(drawn["by-ipc"], "shapenette")
    places = [mark.x for line in chart.lines if not line.dashed for mark in line.marks]
    assert len(set(places)) == len(places)


def test_a_score_against_accuracy_says_how_they_go_together(drawn):
    chart = hard(drawn["metrics"], "FID against", "shapenette at IPC 10")
    # The better the lower: from 121 (random) to 73 (mgd3), against 40 to 72 %.
    places = {name: line.marks[0] for name, line in by_name(chart).items()}
    assert {name: round(mark.x) for name, mark in places.items()} == {
        method: 121 - 12 * place for place, method in enumerate(METHODS)
    }
    assert chart.note.startswith("Rank correlation -1.00, n = 5 methods: too few")
    assert "lower is better" in chart.x.title
    assert places["mgd3"].text.startswith("mgd3: FID 73.0, top-1 72.1 % [")


def test_main_scores_come_before_the_others(drawn):
    more = [one.slug.startswith("metrics-more") for one in drawn["metrics"]]
    assert more == sorted(more)
    assert set(more) == {False, True}


def test_networks_are_shaded_from_the_best_to_the_worst(drawn):
    (grid,) = (
        one
        for one in drawn["architectures"]
        if "shapenette at IPC 10" in one.title and "hard" in one.title
    )
    assert isinstance(grid, Grid)
    assert grid.columns == tuple(sorted(METHODS, key=METHODS.get, reverse=True))
    assert grid.rows == ("convnet3", "resnetap10")
    assert all("(-4.0)" in text for text in grid.texts[1])
    assert all("(" not in text for text in grid.texts[0])
    shades = {(row, column): shade for row, line in zip(grid.rows, grid.shades, strict=True)
              for column, shade in zip(grid.columns, line, strict=True)}  # fmt: skip
    assert shades["convnet3", "mgd3"] == 0
    assert shades["resnetap10", "random"] == 8
    assert all(0 <= shade <= 8 for shade in shades.values())


def test_a_cloud_has_a_panel_for_every_method_and_class(drawn):
    cloud = next(one for one in drawn["coverage"] if "shapenette at IPC 10" in one.title)
    assert isinstance(cloud, Cloud)
    assert set(cloud.columns) == set(METHODS)
    assert cloud.rows == ("all classes", *CLASSES[:3])
    for row, line in enumerate(cloud.panels):
        for panel in line:
            ((_, key),) = panel.distilled
            assert len(cloud.points[key]) == (10 if row else 10 * len(CLASSES))
            assert len(cloud.points[panel.real]) == (25 if row else 25 * len(CLASSES))
        assert len({panel.real for panel in line}) == 1
    # The corners of the first and the last class: left below and right above.
    real = cloud.points[cloud.panels[0][0].real]
    assert real[0][0] < real[-1][0]
    assert real[0][1] > real[-1][1]


def test_clouds_of_methods_without_a_colour_are_grey_and_never_as_random(told_small):
    material = gather(told_small.records, told_small.failures, told_small.folder)
    material.__dict__["colours"] = {
        name: 5 for name, place in told_small.material.colours.items() if place == 5
    }
    for cloud in drawings.SECTIONS["coverage"](material):
        for line in cloud.panels:
            colours = {
                method: panel.distilled[0][0]
                for method, panel in zip(cloud.columns, line, strict=True)
            }
            assert colours == {method: 5 if method == "random" else -1 for method in METHODS}
            assert "Real (faint)" in cloud.title


def test_guidance_is_told_in_lengths_of_the_noise(drawn):
    chart = next(one for one in drawn["guidance"] if one.slug.endswith("shapenette-ipc-10"))
    lines = by_name(chart)
    assert set(lines) == {"mgd3: mean", "dap: x"}
    for name, height in (("mgd3: mean", 0.5), ("dap: x", 0.1)):
        assert [mark.x for mark in lines[name].marks] == list(range(1, 21))
        assert [mark.y for mark in lines[name].marks] == pytest.approx([height] * 20)
    (energy,) = (one for one in drawn["guidance"] if one.slug.endswith("ipc-10-energy")
                 and "shapenette" in one.title)  # fmt: skip
    assert [mark.y for mark in energy.lines[0].marks][:2] == pytest.approx([3.0, 2.9])


def test_a_line_of_guidance_ends_where_nothing_is_added_any_more(told_small):
    from msgspec.structs import replace

    def stopped(record):
        halves = {
            name: [number if at < 10 or name == "guidance/step noise" else 0.0
                   for at, number in enumerate(numbers)]
            for name, numbers in record.traces.items()
        }  # fmt: skip
        return replace(record, traces=halves)

    material = gather(map(stopped, told_small.records))
    chart = drawings.SECTIONS["guidance"](material)[0]
    assert {len(line.marks) for line in chart.lines} == {10}
    assert 10 <= chart.x.high < 11


def test_a_method_has_one_colour_throughout(drawn, told):
    seen = {}
    for section in drawn.values():
        for one in section:
            for line in one.lines if isinstance(one, Chart) else ():
                method = line.name.partition(":")[0]
                seen.setdefault(method, set()).add(line.colour)
    assert all(len(colours) == 1 for colours in seen.values())
    assert seen["random"] == {5}
    assert seen["full"] == seen["front"] == {-1}
    assert len({min(seen[method]) for method in METHODS}) == len(METHODS)


def test_the_eighth_method_is_grey_and_named(record):
    names = [f"m{number}" for number in range(9)]
    material = gather(
        record(name, at=(s, 0), last=20.0 + 3 * place + s / 10)
        for place, name in enumerate(names)
        for s in range(3)
    )
    (chart,) = drawings.forests(material.boards[0], material)
    assert {line.name for line in chart.lines if line.colour < 0} == {"m0", "m1", "m2"}
    assert len(chart.y.names) == 9


def test_nothing_is_drawn_of_nothing():
    assert all(not section for section in all_of(gather([])).values())


def test_the_order_of_records_changes_nothing(told, drawn):
    again = gather(reversed(told.records), told.failures, told.folder)
    assert all_of(again) == drawn


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_others_breaks_a_drawing(told_small, text):
    material = gather(hostile(told_small.records, text), (), told_small.folder)
    made = [one for section in all_of(material).values() for one in section]
    assert made
    for one in made:
        assert one.title.isprintable()
        assert one.note.isprintable()
        if isinstance(one, Chart):
            assert str(svg.render(one, 1)).isprintable()
            assert all(len(line.name) <= 60 and line.name.isprintable() for line in one.lines)
        if isinstance(one, Cloud):
            assert str(svg_cloud.render(one, 1)).isprintable()


def test_values_of_guidance_begin_where_they_are_and_the_axis_ends_with_the_longest(told_small):
    from msgspec.structs import replace

    def windowed(record):
        traces = {
            name: [number if 4 <= at < 10 or name == "guidance/step noise" else 0.0
                   for at, number in enumerate(numbers)]
            for name, numbers in record.traces.items()
        }  # fmt: skip
        return replace(record, traces=traces)

    material = gather(map(windowed, told_small.records))
    charts = drawings.SECTIONS["guidance"](material)
    (energy,) = (one for one in charts if one.slug.endswith("energy"))
    assert [mark.x for mark in energy.lines[0].marks] == list(range(5, 11))
    assert [mark.x for mark in charts[0].lines[0].marks] == list(range(1, 11))
    assert all(10 <= one.x.high < 11 for one in charts)


def test_scores_that_findings_speak_of_are_drawn_first_and_captions_agree(told):
    from dataclasses import replace

    found = told.material.relations
    main = [told.material.boards[r.board].columns[r.metric].score.main for r in found]
    other, first = found[main.index(False)], found[main.index(True)]
    material = gather(told.records, told.failures, told.folder)
    ends = {"rho": 0.8, "low": 0.2, "high": 0.9}
    material.__dict__["relations"] = [
        first,
        replace(first, n=8, p=0.3, **ends),
        replace(other, n=8, p=0.01, **ends),
    ]
    shown, tested, few = drawings.SECTIONS["metrics"](material)
    assert "the interval is of this pair alone" in shown.note
    assert "tested together it is shown." in shown.note
    assert "tested together it is not shown." in tested.note
    assert "n = 5 methods: too few" in few.note


def test_no_axis_of_accuracies_is_shorter_than_five_points(record):
    from msgspec.structs import replace

    records = [
        replace(
            record(method, ipc, last=last, at=(0, 0)),
            series={"epoch": [1.0, 2.0], "top1": [last - 0.1, last]},
        )
        for ipc in (1, 10)
        for method, last in (("a", 48.6), ("b", 48.8))
    ]
    cells = {name: (made.cell(cost), made.cell(cost)) for cost, name in enumerate("abc", start=1)}
    ends = {"mean": 48.7, "low": 48.6, "high": 48.8}
    board = made.with_columns(
        made.board({"a": 48.6, "b": 48.8, "c": 48.7}),
        *(made.column("seconds"), made.column("fid")),
        cells=cells,
    )
    narrow = dataclasses.replace(
        board,
        rows=tuple(
            dataclasses.replace(
                row, cells=(dataclasses.replace(row.cells[0], **ends), *row.cells[1:])
            )
            for row in board.rows
        ),
    )
    seen = set()
    for material in (gather(records), made.material(narrow)):
        for section, charts in all_of(material).items():
            for axis in (axis for chart in charts for axis in (chart.x, chart.y)):
                if "accuracy, %" in axis.title:
                    seen.add(section)
                    assert axis.high - axis.low >= 5 - 1e-9
    assert seen == {"forests", "by-ipc", "training", "metrics", "cost"}
