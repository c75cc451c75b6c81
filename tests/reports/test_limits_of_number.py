from __future__ import annotations

from dataclasses import replace

from made import board, material, texts
from msgspec.structs import replace as changed

from reports.material import gather
from reports.page.outline import SECTIONS, absent
from reports.words.limits import limits
from reports.words.missing import control

ONE, TWO = {"a": 40.0}, {"a": 40.0, "b": 20.0}


def said(what) -> str:
    return "\n".join(texts(limits(what)))


def test_of_one_method_it_is_said_that_nothing_is_compared_and_what_is_lacking():
    text = said(material(board(ONE)))
    assert text.count("One method was run (`a`): nothing is compared") == 1
    assert "without real images drawn at random (`--methods random`) no number says what" in text
    assert "nothing is compared" not in said(material(board(TWO)))


def test_random_images_alone_are_not_told_to_be_run_as_well():
    text = said(material(board({"random": 40.0})))
    assert "One method was run (`random`): nothing is compared, and no number" in text
    assert "--methods" not in text
    made = board({"random": 40.0})
    mine = replace(made.rows[0], name=made.rows[0].name._replace(origin="mine.py"))
    assert "`--methods random`" in said(material(replace(made, rows=(mine,))))


def test_several_methods_without_random_images_show_no_gain_over_them():
    text = "Real images drawn at random were not run (`--methods random`): no number says what"
    more = "What methods gain: real images drawn at random beside them (`--methods random`)."
    for names, lacks in ((TWO, True), ({**TWO, "random": 10.0}, False)):
        what = material(board(names))
        assert (text in said(what)) is lacks
        assert (more in texts([words for _, words in absent(what, SECTIONS)])) is lacks
    assert text in said(material(board(ONE), board({"b": 40.0}, ipc=50)))
    assert text not in said(material(board(ONE)))
    assert control(material(board(ONE)))
    assert control(material(board({}, references={"full": 80.0}))) == ()


def test_what_is_absent_goes_by_the_title_of_its_section(record):
    found = dict(absent(gather([record(), record("kmeans")]), ()))
    for name, words in found.items():
        assert texts([words])[0].startswith(f"{SECTIONS[name]}: ")


def test_a_reference_is_no_second_method():
    assert "One method was run (`a`)" in said(material(board(ONE, references={"full": 80.0})))
    alone = said(material(board({}, references={"full": 80.0})))
    assert "Only `full` was run, and no distilled set: nothing is compared." in alone


def test_of_one_distilled_set_it_is_said_that_another_draw_is_not_known(record):
    text = "It has one distilled set: what another draw of the same method would give is not known"
    assert text in said(material(board(ONE, sets=1)))
    assert text not in said(material(board(ONE, sets=3)))
    first = record("first", at=(0, 0))
    assert text not in said(gather([changed(first, stochastic=False)]))
    assert text in said(gather([first]))


def test_of_one_method_too_is_said_of_what_there_is_one_alone():
    start = "There is one student (`convnet3`), one IPC (10) and one real set (`shapewoof`)"
    assert f"{start}: others may give other numbers." in said(material(board(ONE)))
    assert f"{start}: others may order the methods otherwise." in said(material(board(TWO)))


def test_methods_that_never_meet_are_not_compared():
    apart = [board(ONE), board({"b": 40.0}, ipc=50)]
    text = "No two methods have a score of one kind on one set at one IPC: nothing is compared."
    assert text in said(material(*apart))
    assert text not in said(material(*apart, board(TWO, ipc=1)))
    assert text not in said(material(*apart, board(TWO, ipc=1, metric="fid")))
    assert text in said(material(*apart, board(TWO, ipc=1, metric="seconds")))
