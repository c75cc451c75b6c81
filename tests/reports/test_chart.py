"""Names in drawings: short, safe, and never the same twice where they have to differ."""

from __future__ import annotations

import re

import pytest
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboards import build
from reports.drawings import wording
from reports.drawings.slugs import slug


@settings(deadline=None)
@given(st.lists(st.text()), st.lists(st.text()))
def test_a_slug_is_safe_as_anchor_and_file_name(parts, others):
    taken: set[str] = set()
    made = [slug(*parts, taken=taken) for _ in range(12)] + [slug(*others, taken=taken)]
    assert len(set(made)) == len(made) == len(taken)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", text) for text in made)


def test_a_slug_says_what_it_is_of():
    assert slug("forest", "shapenette", "ipc-10", taken=set()) == "forest-shapenette-ipc-10"
    assert slug("../../etc/passwd", taken=set()) == "etc-passwd"
    taken = {"a-b"}
    assert [slug("a", "b", taken=taken) for _ in range(2)] == ["a-b-2", "a-b-3"]


@settings(deadline=None)
@given(st.text(), st.integers(4, 80))
def test_a_cut_text_is_no_longer_than_asked(text, most):
    assert len(wording.cut(text, most)) <= most


def test_both_ends_of_a_long_name_stay():
    name = "hard/minimax+" + 30 * "epochs_scale=0.03," + "evaluations=3"
    assert wording.cut(name).startswith("hard/minimax+epochs")
    assert wording.cut(name).endswith("evaluations=3")
    assert wording.cut("mgd3") == "mgd3"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_is_left(text):
    assert wording.cut(text).isprintable()


def test_a_label_is_short_where_that_names_it_alone():
    labels = ["hard/minimax+epochs=60", "soft/rded"]
    assert wording.brief("hard/minimax+epochs=60", labels) == "hard/minimax"
    labels.append("hard/minimax+epochs=90")
    assert wording.brief("hard/minimax+epochs=60", labels) == "hard/minimax+epochs=60"


def test_sets_of_equal_names_have_slugs_of_their_own(record):
    from msgspec.structs import replace

    first = record("random")
    other = replace(first, key="x", data=replace(first.data, train_revision="sha256:other"))
    boards = build([first, other, record("random", ipc=1)])
    parts = [slug(*wording.set_parts(board, boards), taken=set()) for board in boards]
    assert len(set(parts)) == 3
    assert sorted(parts)[0] == "nette-ipc-1"
