from __future__ import annotations

from dataclasses import replace

import pytest
from hostile import HOSTILE, hostile
from made import WORST, board, described, material, texts, words
from msgspec.structs import replace as changed

from reports.material import Material, gather
from reports.words.limits import ALWAYS, limits
from reports.words.limits_of_parts import changed_fields

TWO = {"a": 40.0, "b": 20.0}


def said(what: Material) -> str:
    return "\n".join(texts(limits(what)))


def test_the_box_is_never_empty_and_ends_with_what_holds_of_every_run(told, told_small):
    assert limits(material()) == (ALWAYS,)
    for story in (told, told_small):
        assert limits(story.material)[-1] == ALWAYS
        assert len(limits(story.material)) == len(set(limits(story.material)))


def test_sets_that_no_paper_has_numbers_of_are_named_once():
    made = [board(TWO, dataset=name, ipc=ipc) for name in ("x", "y") for ipc in (1, 10)]
    assert said(material(*made)).startswith(
        "`x` and `y` are drawn, not photographed: what is measured on them holds for them alone"
    )
    photographs = replace(made[0], train_split="fastai-v2-160", test_split="fastai-v2-160")
    assert said(material(photographs)).startswith("`x` is fastai's split: most papers trained")
    own = replace(made[0], train_split="folder", test_split="folder:val")
    assert said(material(own)).startswith("`x` is a folder of images: numbers compare with")
    both = replace(made[2], train_split="folder", test_split="folder:val")
    assert "`x` and `y` are folders of images: numbers" in said(material(own, both))
    other = replace(made[0], train_split="ilsvrc2012", test_split="ilsvrc2012")
    assert "`x` is" not in said(material(other))


def test_a_test_set_of_training_images_is_no_test_set():
    splits = {"train_split": "drawn:train-0.8-seed0", "test_split": "drawn:held-out-0.2-seed0"}
    text = said(material(replace(board(TWO), **splits)))
    assert "`shapewoof` is drawn" in text
    assert "Students of `shapewoof` were scored on training images that were held out" in text
    assert "held out" not in said(material(board(TWO)))


@pytest.mark.parametrize(
    ("label", "fields"),
    [
        ("hard/minimax", []),
        ("hard+epochs=300,resolution=32", ["epochs", "resolution"]),
        ("soft+teacher=trained[epochs=10,network=convnet3[width=64]],lr=1", ["teacher", "lr"]),
        ("x+sampling[scheduler=ddim,steps=20],crop_scale=(1.0,1.0)", ["sampling", "crop_scale"]),
    ],
)
def test_the_fields_of_a_label_are_those_of_its_top_level(label, fields):
    assert changed_fields(label) == fields


def test_a_published_setting_that_was_changed_is_said_and_others_are_not(record):
    identity = "hard/minimax+epochs=9"
    changes = changed(record(), protocol=described("hard/minimax+epochs=9,evaluations=3", identity))
    departs = "`hard/minimax` departs from its published setting in `epochs` and `evaluations`"
    made = board(TWO, protocol="hard/minimax+epochs=9,evaluations=3")
    assert departs in said(material(made, records=[changes]))
    other = changed(record(), protocol=described("hard/igd+epochs=9,evaluations=3", "hard/igd"))
    boards = made, board(TWO, protocol="hard/igd+epochs=9,evaluations=3")
    several = "`hard/igd` and `hard/minimax` depart from their published settings in `epochs` and"
    assert several in said(material(*boards, records=[changes, other]))
    as_published = changed(record(), protocol=described("hard/minimax", identity))
    assert "departs" not in said(material(made, records=[as_published]))
    mine = changed(changes, protocol=changed(changes.protocol, origin="mine.py"))
    assert "departs" not in said(material(made, records=[mine]))


def test_scores_with_a_teacher_are_apart():
    text = "A teacher's answers stand behind every number under `soft/rded`"
    assert text in said(material(board(TWO, protocol="soft/rded+epochs=9", group="soft")))
    assert text not in said(material(board(TWO)))


def test_what_the_seeds_cannot_show_is_said_with_the_differences_that_stay_hidden():
    made = [board(TWO, "a", resolvable=4.5), board(TWO, "a", resolvable=8.4, ipc=50)]
    text = said(material(*made))
    start = "With 3 distilled sets a method, true differences below about 4.5 to 8.4 points"
    assert start in text
    assert f"{start} (it depends on the comparison) are often missed." in text
    assert "points are often missed." in said(material(made[0]))
    assert "second distilled set" not in text
    text = said(material(made[0], board(TWO, sets=1, ipc=50)))
    assert "In 1 of 2 comparisons no method has a second distilled set" in text


def test_letters_are_explained_where_two_methods_share_one():
    text = "Methods that share a letter are not shown to be equal"
    assert text in said(material(board(TWO, "a")))
    assert text not in said(material(board(TWO, {"a": "a", "b": "b"})))
    behind = {"a": 40.0, "b": 20.0, "c": 19.0}, {"a": "a", "b": "b", "c": "b"}
    assert text in said(material(board(*behind)))
    assert text in said(material(board(*behind, metric="fid")))
    assert text not in said(material(board(TWO)))


def test_of_what_there_is_one_alone_is_said():
    start = "There is one student (`convnet3`), one IPC (10) and one real set (`shapewoof`): others"
    assert start in said(material(board(TWO)))
    several = [
        board(TWO, dataset=name, ipc=ipc, student=student)
        for name, ipc, student in (("x", 1, "convnet3"), ("y", 10, "resnet18"))
    ]
    assert "There is one" not in said(material(*several))


def test_scores_of_images_say_of_how_many_images_they_are():
    cards = [(("distilled", number), ("extractor", "embedded")) for number in ("50", "100")]
    made = [board(TWO, metric="fid", card=card, ipc=i) for i, card in enumerate(cards, 1)]
    text = said(material(*made))
    assert "Scores of the images are measured at 50 to 100 distilled images" in text
    assert "`embedded` is a network of the drawn sets" in text
    assert "Scores of the images" not in said(material(board(TWO)))


def test_methods_that_were_not_run_everywhere_are_named():
    made = [board(TWO, "a"), board({"a": 40.0, "c": 20.0}, "a", ipc=50)]
    assert "Only `a` has a number in both comparisons: hold methods against each other" in said(
        material(*made)
    )
    fewer = [board({**TWO, "c": 30.0}, "a"), board(TWO, "a", ipc=50)]
    assert "`c` lacks a number in some of the 2 comparisons" in said(material(*fewer))
    apart = [board(TWO, "a"), board({"c": 40.0, "d": 20.0}, "a", ipc=50)]
    assert "No method has a number in both comparisons: hold methods against" in said(
        material(*apart)
    )
    everywhere = said(material(board(TWO, "a"), board(TWO, "a", ipc=50)))
    assert "within one comparison only" not in everywhere


def test_machines_and_commits_are_said_where_there_are_several(record):
    first = changed(record(), kind="distillation")
    other = changed(first.provenance, device="cuda (H200)", commit="c0ffee", dirty=True)
    same = said(material(board(TWO), records=[first]))
    assert not any(word in same for word in ("kinds of machine", "commits", "no commit"))
    one = changed(first, key="1", provenance=changed(first.provenance, commit="abc"))
    text = said(material(board(TWO), records=[one, changed(first, key="2", provenance=other)]))
    assert "2 kinds of machine" in text
    assert "from 2 commits of the code" in text
    assert "1 record comes from code with changes that no commit has" in text
    # Where students are trained is no matter of what distilling costs.
    trained = changed(first, key="2", kind="evaluation", provenance=other)
    assert "kinds of machine" not in said(material(board(TWO), records=[one, trained]))


def test_sets_are_no_sets_of_a_method_whose_seeds_gave_one():
    made = board(TWO, "a", resolvable=4.5)
    first, *others = made.rows
    one = replace(first, cells=(replace(first.cells[0], n_sets=1, over="students"),))
    text = said(material(replace(made, rows=(one, *others))))
    assert "With 3 seeds a method, true differences below about 4.5 points" in text
    assert "distilled sets a method" not in text


def test_what_is_said_of_a_method_stands_beside_its_name_once():
    made = [board({**TWO, "dap": 30.0}, ipc=ipc) for ipc in (1, 10)]
    marked = [
        replace(
            one,
            rows=tuple(
                replace(r, remark="our reading") if r.method == "dap" else r for r in one.rows
            ),
        )
        for one in made
    ]
    assert texts(limits(material(*marked))).count("`dap`: our reading.") == 1


def test_units_that_failed_are_counted(told_small):
    assert "1 unit of the run failed: a number that rests on fewer sets" in said(
        told_small.material
    )


def test_units_that_succeeded_when_tried_again_are_counted_apart(told_small):
    (failure,) = told_small.failures
    done = [changed(failure, key=told_small.records[0].key, attempt=at) for at in (1, 2)]
    text = said(gather(told_small.records, [failure, *done]))
    assert "1 unit of the run failed: " in text
    assert "1 unit failed at first and succeeded when tried again." in text
    assert "tried again" not in said(told_small.material)


@pytest.mark.parametrize("text", WORST)
def test_names_from_data_are_never_part_of_the_words(told_small, text):
    records = [changed(r, method=changed(r.method, remark="")) for r in told_small.records]
    found, plainly = (limits(gather(hostile(records, name))) for name in (text, "x"))
    assert words(found) == words(plainly)


@pytest.mark.parametrize("text", HOSTILE)
def test_remarks_of_others_are_one_printable_line_of_limited_length(text):
    made = board(TWO)
    rows = tuple(replace(r, remark=text * 9) for r in made.rows)
    for line in texts(limits(material(replace(made, rows=rows)))):
        assert line.isprintable()
        assert len(line) < 400
