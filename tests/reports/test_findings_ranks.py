from __future__ import annotations

from dataclasses import replace

import pytest
from made import board, material, said, seven

from leaderboards.ranks.standings import Standing
from reports.words.findings import findings
from reports.words.sentences import text_of


def test_where_no_two_are_separated_no_method_is_named():
    assert said(material(board({"a": 40.0, "b": 30.5, "c": 35.0, "d": 33.0}, "a")), "rank") == [
        "On `shapewoof` at IPC 10, the 4 methods cannot be told apart: means from 30.5 to 40.0 %; "
        "with 3 distilled sets a method a difference of about 7.7 points is found in 80% of "
        "cases, a smaller one less often."
    ]


def test_who_is_separated_from_all_others_is_ahead_of_them():
    letters = {"a": "a", "b": "b", "c": "b"}
    assert said(material(board({"a": 40.0, "b": 20.0, "c": 19.0}, letters)), "rank") == [
        "On `shapewoof` at IPC 10, `a` is ahead of both others: 40.0 % [39.0, 41.0]."
    ]
    two = board({"a": 40.0, "b": 20.0}, {"a": "a", "b": "b"})
    assert said(material(two), "rank") == [
        "On `shapewoof` at IPC 10, `a` is ahead of `b`: 40.0 % [39.0, 41.0] against 20.0 %."
    ]


def test_who_is_level_with_the_leader_and_who_is_behind_is_named_and_counted():
    assert said(material(seven("a a a a a ab b")), "rank") == [
        "On `shapewoof` at IPC 10, `mgd3` has the highest mean (40.0 %); 5 more are not separated "
        "from it: `igd`, `dap`, `s3`, `dit` and `ims3`. Behind: `random`."
    ]
    assert said(material(seven("a ab b b b b b")), "rank")[0].count("one more is not") == 1


def test_a_method_alone_on_rank_one_is_not_ahead_of_those_it_shares_a_letter_with():
    letters = {"a": "ab", "b": "b", "c": "c", "d": "a"}
    made = board({"a": 40.0, "b": 39.0, "c": 30.0, "d": 20.0}, letters)
    (text,) = said(material(made), "rank")
    assert "2 more are not separated from it: `b` and `d`. Behind: `c`." in text


def test_scores_of_which_lower_is_better_are_led_by_the_lowest():
    facts = (("distilled", "50"), ("extractor", "embedded"))
    made = board({"a": 40.0, "b": 30.0}, {"a": "a", "b": "b"}, metric="fid", card=facts)
    (finding,) = findings(material(made))
    text = "By FID of 50 images on `shapewoof` at IPC 10, `b` is ahead of `a`: 30.0 [29.0, 31.0]"
    assert text_of(finding.sentence).startswith(text)
    assert finding.further


def test_what_is_not_ranked_is_said_with_what_it_takes():
    assert said(material(board({"a": 40.0, "b": 20.0}, sets=1)), "rank") == [
        "On `shapewoof` at IPC 10 nothing is ranked: that takes two or more distilled sets of "
        "every method, of the same seeds for all (`--seeds 3`)."
    ]


def test_one_method_alone_is_no_comparison():
    assert said(material(board({"a": 40.0}))) == []


def test_methods_that_were_not_tested_are_named():
    made = board({"a": 40.0, "b": 20.0, "c": 19.0}, {"a": "a", "b": "b"})
    (text,) = said(material(made), "rank")
    assert text.endswith(" Not tested, as they have fewer than two seeds: `c`.")


def test_many_comparisons_are_counted_and_their_sentences_are_folded_away():
    letters = {"a": "a", "b": "b", "c": "b"}
    made = [board({"a": 40.0, "b": 30.0, "c": 29.0}, letters, ipc=ipc) for ipc in (1, 10)]
    made += [board({"a": 40.0, "b": 30.0, "c": 29.0}, "a", ipc=20, resolvable=4.5)]
    made += [board({"a": 40.0, "b": 30.0, "c": 29.0}, "a", ipc=30, resolvable=8.4)]
    made += [board({"a": 40.0, "b": 30.0}, sets=1, ipc=50), seven("a a a a a ab b", ipc=60)]
    assert said(material(*made), "rank", further=False) == [
        "Of 6 comparisons of accuracy (one for each set, IPC, protocol and student), 1 is not "
        "ranked; in 2 no two methods can be told apart (that would take a difference of about 4.5 "
        "to 8.4 points); in 1 the leading method is ahead of some methods and not separated from 5 "
        "others; in 2 one method is ahead of all others (`a`)."
    ]
    assert len(said(material(*made), "rank", further=True)) == 6
    made[-1] = seven("a a b b b b b", ipc=60)
    (text,) = said(material(*made), "rank", further=False)
    assert "ahead of some methods and not separated from 1 other;" in text


def test_protocol_and_student_are_named_only_where_there_are_several():
    soft = {"protocol": "soft/rded+epochs=9", "group": "soft", "student": "resnet18"}
    one, two = (board({"a": 40.0, "b": 20.0}, "a", **changes) for changes in ({}, soft))
    first, second = said(material(one, two), "rank")
    assert "under `hard/minimax` with `convnet3`" in first
    assert "under `soft/rded` with `resnet18`" in second
    assert "under" not in said(material(one), "rank")[0]


def test_methods_are_held_against_random_images():
    assert said(material(seven("a a a ab ab ab b")), "random") == [
        "On `shapewoof` at IPC 10, real images drawn at random give 28.0 % [27.0, 29.0]. Ahead of "
        "them: `mgd3`, `igd` and `dap`. Not separated: `s3`, `dit` and `ims3`."
    ]
    assert said(material(seven("a a a a a a a")), "random")[0].split(". ")[1] == (
        "No method is shown to be better"
    )


def of_one_set(made, name):
    """Return the board, all of whose seeds of one method gave one set."""
    rows = tuple(
        replace(r, cells=(replace(r.cells[0], n_sets=1, over="students"),))
        if r.method == name
        else r
        for r in made.rows
    )
    return replace(made, rows=rows)


def test_an_interval_over_the_students_of_one_set_is_said_to_be_one():
    """As the star in the table does, which no sentence has."""
    over = " over the students of one set"
    apart = {"a": "a", "b": "b", "random": "b"}
    made = board({"a": 40.0, "b": 20.0, "random": 19.0}, apart)
    (first,) = said(material(of_one_set(made, "a")), "rank")
    assert first.endswith(f"is ahead of both others: 40.0 % [39.0, 41.0]{over}.")
    (first,) = said(material(of_one_set(made, "random")), "random")
    assert f"give 19.0 % [18.0, 20.0]{over}. Ahead" in first
    assert over not in "".join(said(material(made), "rank", "random"))


def test_a_method_of_one_set_has_seeds_and_no_sets():
    made = seven("a a a a a a a")
    (found,) = said(material(made), "rank")
    (of_seeds,) = said(material(of_one_set(made, "igd")), "rank")
    assert "with 3 distilled sets a method a difference" in found
    assert of_seeds == found.replace("3 distilled sets", "3 seeds")


def test_over_several_comparisons_it_is_counted_who_is_ahead_of_random_images():
    made = [seven("a a b b b b b", ipc=1), seven("a b b b b b b", ipc=10), seven("a a a a a a a")]
    assert said(material(*made), "random") == [
        "`mgd3` is ahead of real images drawn at random in 2 of 3 comparisons; `igd` in 1 of 3; "
        "in 1 no method is shown to be better."
    ]
    behind = board({"a": 10.0, "random": 20.0}, {"a": "b", "random": "a"})
    assert said(material(behind, replace(behind, ipc=50)), "random") == [
        "No method is shown to be better than real images drawn at random, in both comparisons. "
        "Behind them: `a` in both comparisons."
    ]


def test_a_method_of_others_that_is_called_random_is_not_the_control():
    made = seven("a a a ab ab ab b")
    names_ = [replace(r, name=r.name._replace(origin="mine.py")) for r in made.rows]
    assert said(material(replace(made, rows=tuple(names_))), "random") == []


STANDING = Standing(
    "hard/minimax",
    "top1_last",
    "",
    4,
    ("a", "b", "c"),
    (1.5, 2.0, 2.5),
    (1.0, 1.2, 2.1),
    (2.0, 2.5, 3.0),
    0,
)


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        (
            {},
            "`a` has the best average rank, 1.5 [1.0, 2.0]; the interval of 1 other overlaps with "
            "its own.",
        ),
        ({"low": (1.0, 1.0, 1.0)}, "overlap with its own, so this is no order."),
        ({"low": (1.0, 2.2, 2.2)}, "no other interval overlaps with its own."),
        (
            {"mean_rank": (1.5, 1.5, 3.0), "high": (2.0, 2.0, 3.0)},
            "share the best average rank, 1.5; no other interval overlaps with theirs.",
        ),
        ({"mean_rank": (2.0, 2.0, 2.0)}, "they have the same average rank."),
    ],
)
def test_average_ranks_are_told_with_how_many_intervals_overlap(changes, end):
    (text,) = said(material(standings=(replace(STANDING, **changes),)), "standing")
    assert text.startswith("Over the 4 comparisons that all 3 methods have, ")
    assert text.endswith(end)


def test_average_ranks_by_scores_of_the_images_are_folded_away():
    (finding,) = findings(material(standings=(replace(STANDING, metric="fid"),)))
    assert text_of(finding.sentence).startswith("By FID, over the 4 comparisons")
    assert finding.further
