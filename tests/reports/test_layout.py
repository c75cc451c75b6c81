from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bench.scores import SCORES
from leaderboards import Board, build
from leaderboards.published.ledger import Quote, read
from leaderboards.ranks.placing import Told
from reports.layout import Entry, blocks
from reports.material import gather
from reports.page.choices import choices
from reports.page.tables import tables

ROW = msgspec.structs.replace(read()[0], value=39.2, std=1.3)


def titles(board: Board, all_scores: bool = False) -> list[list[str]]:
    return [[column.title for column in block.columns] for block in blocks(board, all_scores)]


def headings(board: Board) -> list[tuple[str, str, str]]:
    return [(block.protocol, block.student, block.part) for block in blocks(board)]


def with_cells(board: Board, place: int, *changes: dict) -> Board:
    """Return the board with other fields in the cells of one column, from top to bottom."""
    rows = [
        replace(
            row,
            cells=tuple(
                replace(cell, **new) if index == place and cell else cell
                for index, cell in enumerate(row.cells)
            ),
        )
        for row, new in zip(board.rows, changes, strict=True)
    ]
    return replace(board, rows=tuple(rows))


def told(board: Board, place: int, what: Told | None) -> Board:
    columns = [replace(c, told=what) if i == place else c for i, c in enumerate(board.columns)]
    return replace(board, columns=tuple(columns))


@pytest.fixture
def pair(record):
    """Return a board of two methods with one student each, best first."""
    (board,) = build([record("best", last=30.0), record("other", last=20.0)])
    return board


def test_scores_of_the_images_stand_by_network_and_kind_between_accuracy_and_cost(
    record, images, cost
):
    (board,) = build([record(), images(), cost()])
    assert headings(board) == [
        ("hard", "convnet3", ""),
        ("fidelity", "inception", "distribution"),
        ("fidelity", "resnet", "embedding"),
        ("", "", ""),
    ]


def test_fid_and_the_embedding_of_one_network_are_blocks_of_their_own(images):
    (board,) = build([images(networks=("one", "one"))])
    assert [block.part for block in blocks(board)] == ["distribution", "embedding"]


def test_two_networks_are_two_blocks_whose_titles_do_not_repeat_them(images):
    (board,) = build([images("a"), images("b", networks=("clean", "resnet"))])
    assert [heading[1] for heading in headings(board)] == ["clean", "inception", "resnet"]
    assert titles(board)[:2] == [["FID of 50 ↓", "KID of 50 ↓", "n"]] * 2


def test_scores_that_depend_on_the_number_of_images_say_it(images):
    (board,) = build([images()])
    assert titles(board, all_scores=True) == [
        ["FID of 50 ↓", "KID of 50 ↓", "coverage of 50", "n"],
        ["embedding l2 ↓", "n"],
    ]


def test_methods_with_other_numbers_of_images_stand_side_by_side_in_one_block(images):
    (board,) = build([images("a", distilled=60), images("b")])
    first, second = titles(board)
    assert first[:2] == ["FID of 50 ↓", "FID of 60 ↓"]
    assert second[:2] == ["embedding l2 ↓ (distilled=50)", "embedding l2 ↓ (distilled=60)"]


def test_other_facts_that_differ_within_a_block_stand_in_the_title(images):
    other = images("b")
    cards = {name: card | {"split": "test"} for name, card in other.cards.items()}
    (board,) = build([images("a"), msgspec.structs.replace(other, cards=cards)])
    assert titles(board)[0][:2] == ["FID of 50 ↓ (split=test)", "FID of 50 ↓ (split=train)"]


def test_scores_beside_the_main_ones_are_left_out_unless_asked_for(images):
    (board,) = build([images()])
    asked = {title for block in titles(board, all_scores=True) for title in block}
    usual = {title for block in titles(board) for title in block}
    assert asked - usual == {"coverage of 50"}


def test_a_block_of_such_scores_alone_is_left_out(images):
    seen = images()
    (board,) = build([msgspec.structs.replace(seen, scores={"coverage": 0.5, "embedding_l2": 1.0})])
    assert [block.part for block in blocks(board)] == ["embedding"]
    assert [block.part for block in blocks(board, all_scores=True)] == ["distribution", "embedding"]


def test_the_sets_alone_are_counted_where_there_is_no_student(record, images):
    students = [record(at=(s, r)) for s in range(3) for r in range(2)]
    (board,) = build([*students, *(images(seed=seed) for seed in range(3))])
    counts = [block.columns[-1].entries[0].text for block in blocks(board)]
    assert counts == ["6/3", "3", "3"]


def test_the_rank_stands_before_the_score_and_what_is_not_separated_from_the_best_is_marked(pair):
    board = with_cells(
        told(pair, 0, Told(2, 3, "sets", 1.0)),
        0,
        {"rank": 1, "rank_low": 1, "rank_high": 2, "ties": "a"},
        {"rank": 1, "rank_low": 1, "rank_high": 2, "ties": "ab"},
    )
    rank, score, best, counts = blocks(board)[0].columns
    assert rank.entries == (Entry("1–2 a", best=True), Entry("1–2 ab", best=True))
    assert [entry.best for entry in score.entries] == [True, True]
    assert [entry.best for entry in best.entries] == [False, False]
    assert (rank.opens, score.opens, counts.closes) == (True, False, True)


@pytest.mark.parametrize("what", [None, Told(0, 0, "", None)])
def test_where_nothing_is_ranked_there_is_no_column_of_ranks(pair, what):
    assert "#" not in titles(told(pair, 0, what))[0]


def test_an_interval_stands_behind_a_ranked_score_alone(pair):
    board = with_cells(pair, 0, {"low": 28.0, "high": 32.04, "over": "sets"}, {})
    board = with_cells(board, 1, {"low": 28.0, "high": 32.04, "over": "sets"}, {})
    last, best, _ = blocks(board)[0].columns
    assert last.entries[0].text == "30.0 [28.0, 32.0]"
    assert best.entries[0].text == "30.3"


def test_published_numbers_stand_beside_what_they_are_compared_with(pair):
    quote = Quote(ROW, "hard", "read", "reproduced", 0.1, 3.0, ())
    board = with_cells(pair, 1, {"quotes": (quote,)}, {})
    assert titles(board) == [["top-1 %", "best epoch %", "published", "n"]]
    published = blocks(board)[0].columns[2]
    assert published.quiet
    assert [entry.text for entry in published.entries] == ["39.2 ± 1.3 (±3.0) =", ""]


def test_every_score_of_the_table_has_a_heading_of_its_own(images):
    of_images = [name for name, score in SCORES.items() if score.group == "images"]
    (board,) = build([images(**dict.fromkeys(of_images, 1.0))])
    found = [title for block in titles(board, all_scores=True) for title in block if title != "n"]
    assert len(found) == len(set(found)) == len(of_images)


def test_on_the_page_the_mark_of_another_recipe_stands_by_the_mean(record):
    full = [record("full", None, (0, r), 80.0 + r) for r in (0, 1)]
    other = msgspec.structs.replace(full[0].protocol, identity="hard+epochs=300")
    made = gather([record(), *(msgspec.structs.replace(one, protocol=other) for one in full)])
    (table,) = tables(made, choices(made.boards))
    (line,) = table.references
    (shown,) = (cell for cell in line.cells if "80.5" in cell.main)
    assert shown.main == "80.5 ‡"
    assert shown.aside.startswith("±")
