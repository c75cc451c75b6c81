from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hostile import hostile
from hypothesis import given, settings
from hypothesis import strategies as st
from made import WORST, board, column, material, names, row, said, words

from leaderboards import Board
from leaderboards.ranks.placing import place_column
from leaderboards.ranks.statistics import Value, summarise
from reports.material import gather
from reports.words.contest import contest
from reports.words.findings import SHOWN, findings
from reports.words.naming import Naming
from reports.words.ranked import ranked
from reports.words.sentences import Code


def test_at_most_eight_are_shown_and_the_further_ones_come_last(told):
    found = findings(told.material)
    folded = [finding.further for finding in found]
    assert folded == sorted(folded)
    assert folded.count(False) <= SHOWN
    assert said(told.material, further=False)


def test_the_story_is_told_as_it_was_made(told_small):
    first, second = said(told_small.material, "rank", "random", further=False)
    assert first.startswith("On `shapenette` at IPC 10, `mgd3` is ahead of all 4 others: 72.1 %")
    assert "Ahead of them: `mgd3`, `dap`, `dit` and `kmeans`." in second


@pytest.mark.parametrize("text", WORST)
def test_names_from_data_are_never_part_of_the_words(told_small, text):
    found, plainly = (findings(gather(hostile(told_small.records, name))) for name in (text, "x"))
    assert words([one.sentence for one in found]) == words([one.sentence for one in plainly])
    assert found


@st.composite
def columns(draw) -> Board:
    """Return a board with ranks as `place_column` gives them to random numbers."""
    methods = draw(st.integers(2, 7))
    sets = draw(st.integers(1, 4))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 2.0, 20.0]))
    levels = 50 + spread * noise.standard_normal(methods)
    numbers = levels[:, None] + noise.standard_normal((methods, sets)) * noise.exponential(
        size=(methods, 1)
    )
    cells = [
        summarise(Value(f"{m}/{s}", s, (s, 0), float(x)) for s, x in enumerate(line))
        for m, line in enumerate(numbers)
    ]
    score = column().score
    placed, told = place_column(cells, [True] * methods, score)
    rows = tuple(row("random" if m == 0 else f"m{m}", one) for m, one in enumerate(placed))
    return replace(board({}), columns=(column(told=told),), rows=rows)


@settings(max_examples=60, deadline=None)
@given(columns())
def test_nobody_is_called_ahead_of_or_level_with_whom_the_letters_deny(made):
    ties = {r.method: set(r.cells[0].ties) for r in made.rows}
    one = contest(made, made.columns[0], 0)
    if one is None:
        text = " ".join(said(material(made)))
        assert not re.search("ahead|best|highest", text)
        return
    sentence = ranked(one, Naming.of([made]))
    told, leader = names(sentence)[1:], one.leader.method
    assert one.leader.cell.rank == 1
    if " is ahead of " in sentence:
        assert all(not ties[leader] & ties[r.method] for r in made.rows if r.method != leader)
    elif any("cannot be told apart" in str(part) for part in sentence):
        assert all(a & b for a in ties.values() for b in ties.values())
    else:
        behind = sentence.index(" Behind: ") if " Behind: " in sentence else len(sentence)
        for place, part in enumerate(sentence):
            if isinstance(part, Code) and part.text in told and part.text != leader:
                assert bool(ties[leader] & ties[part.text]) == (place < behind)


@settings(max_examples=40, deadline=None)
@given(columns())
def test_numbers_in_sentences_on_ranks_are_those_of_the_board(made):
    known = {
        f"{number:.1f}"
        for r in made.rows
        for number in (r.cells[0].mean, r.cells[0].low, r.cells[0].high)
        if number is not None
    }
    known.add(f"{made.columns[0].told.resolvable or 0:.1f}")
    for text in said(material(made), "rank", "random"):
        assert set(re.findall(r"-?\d+\.\d", text)) <= known
