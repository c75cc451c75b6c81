"""What tables say about ranks, intervals and published numbers."""

from __future__ import annotations

import dataclasses

import pytest
from made import texts
from msgspec.structs import replace
from scipy import stats

from bench.scores import SCORES
from leaderboards import build
from leaderboards.published.ledger import Published, Quote
from leaderboards.ranks.statistics import Value, summarise
from reports.material import gather
from reports.ranking import legend, notes, number_text, quote_text, rank_text
from reports.words.limits import limits

TOP1, BEST, FID = SCORES["top1_last"], SCORES["top1_best"], SCORES["fid"]


def cell(*numbers: float, sets: bool = True):
    return summarise(
        Value(f"set {s if sets else 0}", s, (s, 0), number) for s, number in enumerate(numbers)
    )


@pytest.mark.parametrize(
    ("rank", "low", "high", "ties", "text"),
    [(1, 1, 3, "a", "1–3 a"), (1, 1, 1, "a", "1 a"), (2, 2, 10, "ab", "2–10 ab")],
)
def test_a_rank_is_shown_as_its_interval_and_letters(rank, low, high, ties, text):
    placed = dataclasses.replace(cell(1.0), rank=rank, rank_low=low, rank_high=high, ties=ties)
    assert rank_text(placed) == text


def test_what_is_not_ranked_has_no_rank_text():
    assert rank_text(None) == ""
    assert rank_text(cell(1.0, 2.0)) == ""


def test_a_number_is_shown_with_deviation_and_interval_over_sets():
    half = stats.t.ppf(0.975, 2) * 2.0 / 3**0.5
    expected = f"42.0 ± 2.0 [{42 - half:.1f}, {42 + half:.1f}]"
    assert number_text(cell(40.0, 42.0, 44.0), TOP1, stochastic=True) == expected


def test_an_interval_over_the_students_of_one_set_has_a_star_if_there_could_be_others():
    students = cell(40.0, 42.0, 44.0, sets=False)
    assert number_text(students, TOP1, stochastic=True).endswith("]*")
    assert number_text(students, TOP1, stochastic=False).endswith("]")


def test_scores_that_are_not_ranked_and_single_numbers_have_no_interval():
    assert number_text(cell(40.0, 42.0, 44.0), BEST, stochastic=True) == "42.0 ± 2.0"
    assert number_text(cell(1234.5), FID, stochastic=True) == "1,234.5"


def test_numbers_of_one_set_itself_have_no_deviation_but_its_cost_and_students_have():
    """Seeds that gave one set measure the same images again, and time another run."""
    same = summarise(Value("one", s, (), 97.6) for s in range(3))
    assert number_text(same, FID, stochastic=True) == "97.6"
    times = summarise(Value("one", s, (), s + 1.0) for s in range(3))
    assert number_text(times, SCORES["seconds"], stochastic=True) == "2.0 ± 1.0"
    assert " ± 2.0" in number_text(cell(40.0, 42.0, 44.0, sets=False), TOP1, stochastic=False)
    sets = summarise(Value(f"{s}", s, (), 97.0 + s) for s in range(3))
    assert number_text(sets, FID, stochastic=True).startswith("98.0 ± 1.0")


def quote(
    verdict: str, value: float = 39.2, std: float | None = 1.3, half: float | None = None
) -> Quote:
    row = Published(
        line=2,
        decimals=1,
        method="igd",
        dataset="nette",
        ipc=10,
        protocol="hard",
        student="resnet",
        metric="top1",
        value=value,
        std=std,
        backbone="",
        source="paper",
        locator="Table 1",
        verified="read",
    )
    return Quote(row, "hard/igd", "read", verdict, None, half, ())


def quoted(*quotes: Quote):
    return dataclasses.replace(cell(40.0), quotes=quotes)


@pytest.mark.parametrize(
    ("verdict", "sign"), [("reproduced", "="), ("not reproduced", "≠"), ("not comparable", "?")]
)
def test_a_published_number_is_shown_with_the_sign_of_its_verdict(verdict, sign):
    assert quote_text(quoted(quote(verdict)), 1) == f"39.2 ± 1.3 {sign}"


def test_half_the_joint_interval_stands_beside_a_published_number():
    assert quote_text(quoted(quote("reproduced", half=9.46)), 1) == "39.2 ± 1.3 (±9.5) ="


def test_a_published_number_without_deviation_and_with_the_verdicts_on_others_beside_it():
    others = ["not reproduced", "not comparable", "not reproduced"]
    quotes = (quote("reproduced", 39.0, None), *map(quote, others))
    assert quote_text(quoted(*quotes), 1) == "39.0 = +2≠ +1?"
    assert quote_text(quoted(*quotes[:1], quote("reproduced")), 1) == "39.0 = +1="


def test_without_a_published_number_nothing_is_shown():
    assert quote_text(None, 1) == quote_text(cell(1.0), 1) == ""


# Below the table ---------------------------------------------------------------------------------


@pytest.fixture
def board(record):
    """Build the board of `{method: [numbers of sets]}`, one student each."""

    def of(methods, repeats=1, **changes):
        records = [
            replace(record(name, 10, (s, r), number + r / 10), **changes)
            for name, numbers in methods.items()
            for s, number in enumerate(numbers)
            for r in range(repeats)
        ]
        (made,) = build(records)
        return made

    return of


NOT_RANKED = (
    "not ranked, which takes two seeds of distillation or more, the same for all methods "
    "(`--seeds 3`); rows are sorted by their means, which is no finding"
)


def test_a_board_without_evidence_says_what_would_be_some(board):
    made = board({"a": [10.0], "b": [20.0]})
    assert legend([made]) == []
    assert notes(made) == [f"hard, convnet3, top-1: {NOT_RANKED}"]


def test_what_holds_of_several_columns_is_said_once(images, record):
    records = [one for name in "ab" for one in (record(name), images(name))]
    (made,) = build(records)
    columns = "hard, convnet3, top-1; fidelity, inception, FID; fidelity, resnet, embedding l2"
    assert notes(made) == [f"{columns}: {NOT_RANKED}"]


def test_a_single_method_is_not_said_to_lack_a_rank(board):
    assert notes(board({"a": [10.0]})) == []


def test_the_difference_that_the_seeds_can_resolve_is_said_in_points(board):
    made = board({"a": [10.0, 12.0, 11.0], "b": [20.0, 23.0, 20.0]})
    resolvable = made.columns[0].told.resolvable
    assert notes(made) == [
        f"hard, convnet3, top-1: with 3 distilled sets a method, a difference of {resolvable:.1f} "
        "points is found in about 80% of cases, a smaller one less often"
    ]
    intervals, ranks = legend([made])
    assert intervals == "[ ] is the 95% interval of the mean over distilled sets"
    assert ranks.startswith("# is the 95% interval of the rank; methods that share a letter")


def test_the_note_and_the_limits_call_alike_what_a_method_has_several_of(board, record):
    """A method without randomness has one set, whatever its number of seeds."""
    values = {"a": [10.0, 12.0, 11.0], "b": [20.0, 23.0, 20.0]}
    drawn = [record(name, at=(s, 0), last=x) for name, v in values.items() for s, x in enumerate(v)]
    one_set = [
        replace(record("first", at=(s, 0), last=30.0 + s), stochastic=False, distilled="one")
        for s in range(3)
    ]
    for records, word in ((drawn, "distilled sets"), ([*drawn, *one_set], "seeds")):
        found = gather(records)
        (note,) = [note for note in notes(found.boards[0]) if "is found" in note]
        assert f"with 3 {word} a method, a difference" in note
        (limit,) = [text for text in texts(limits(found)) if "often missed" in text]
        assert limit.startswith(f"With 3 {word} a method, ")


def test_methods_that_could_not_be_tested_are_named(board):
    made = board({"a": [10.0, 12.0, 11.0], "b": [20.0, 23.0, 20.0], "kmeans\x1b": [30.0]})
    (note,) = notes(made)
    assert note.endswith("; without kmeans: fewer than two seeds")


def test_the_star_is_explained_where_it_is_shown(board):
    (starred,) = legend([board({"a": [10.0], "b": [20.0]}, repeats=2)])
    assert "* over students of one set" in starred
    still, _ = legend([board({"a": [10.0], "b": [20.0]}, repeats=2, stochastic=False)])
    assert "*" not in still
    assert "over students where a method has no randomness" in still


def test_the_legend_of_boards_that_differ_says_everything_once(board):
    """One board has intervals over sets, the other over the students of one set."""
    values = {"a": [10.0, 12.0], "b": [20.0, 21.0]}
    sets, students = board(values), board({"a": [10.0], "b": [20.0]}, repeats=2)
    lines = legend([sets, students])
    assert len([line for line in lines if line.startswith("[ ]")]) == 1
    assert lines == legend([students, sets])


def test_without_randomness_the_students_are_the_evidence(board):
    made = board({"a": [10.0, 14.0], "b": [20.0, 21.0]}, stochastic=False, distilled="one")
    (note,) = notes(made)
    assert ": with 2 students a method, " in note


def test_numbers_without_randomness_are_ranked_as_they_are(board):
    changes = {
        "stochastic": False,
        "student": None,
        "student_seed": None,
        "scores": {"fid": 3.0},
        "cards": {"fid": {"extractor": "embedded"}},
    }
    (note,) = notes(board({"a": [0.0], "b": [0.0]}, **changes))
    assert (
        note
        == "hard, embedded, FID: no method has randomness, so the ranks are those of the numbers"
    )


def test_published_numbers_are_explained_where_they_are_shown(board):
    made = board({"a": [10.0], "b": [20.0]})
    rows = [
        dataclasses.replace(row, cells=(quoted(quote("reproduced")), *row.cells[1:]))
        for row in made.rows
    ]
    (part,) = legend([dataclasses.replace(made, rows=tuple(rows))])
    assert part.startswith("published: the best epochs of papers, (±) half the joint 95% interval")
    assert "= reproduced, ≠ not reproduced" in part
