"""What stands above a paper's table: of what its numbers are, and what every mark means."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bench.scores import CARD_WORDS, Score
from leaderboards import Cell
from leaderboards.figures.pivots import Pivot, PivotRow
from reports.drawings.wording import cut
from reports.paper.cells import uncertainty
from reports.paper.escaping import code, escape
from reports.remarks import NETWORKS

if TYPE_CHECKING:
    from reports.paper import Spread

Member = tuple[PivotRow, Cell]

COUNTED = {"distilled"}
"""Facts of a card that columns say for themselves."""
NAMES = (160, 60, 20, 8)
"""Characters of a name at most; fewer where the caption gets too long."""
LONGEST = 2800
"""Characters of a caption, which LaTeX first sets on one line: of 16,383 points at most."""
UNRANKED = "ranked: that takes two distilled sets or more of every method."
RANKED = (
    "Bold: not separated from the best of its column (nothing, where that is true of all); methods "
    r"that share a letter are not separated (paired $t$ test, Holm, 5\,\%)."
)


def caption(pivot: Pivot, spread: Spread) -> str:
    """Return the caption of a table, as LaTeX."""
    texts = [" ".join(filter(None, _sentences(pivot, spread, most))) for most in NAMES]
    return next((text for text in texts if len(text) <= LONGEST), texts[-1])


def continued(pivot: Pivot) -> str:
    """Return the caption of a further part of a table."""
    return f"{_which(pivot, NAMES[1]).removesuffix('.')} (continued)."


def _sentences(pivot: Pivot, spread: Spread, most: int) -> Iterator[str]:
    members = [(row, cell) for row in pivot.rows for cell in row.cells if cell is not None]
    yield _which(pivot, most)
    yield _sentence(pivot.score.note)
    if pivot.score.counted:
        yield "$N$ is the number of distilled images: the IPC times the classes of the set."
    yield _numbers(members, pivot.score, spread)
    yield from _guessing(pivot, most)
    if pivot.score.ranked:
        yield from _ranks(pivot)
    yield from _marks(members, spread, most)
    yield _card(pivot, most)
    yield _sentence(NETWORKS.get(dict(pivot.card).get("extractor", ""), ""))


def _which(pivot: Pivot, most: int) -> str:
    """Return score, unit, direction, protocol and student."""
    score = pivot.score
    aside = ", ".join(filter(None, (score.unit, f"{score.better} is better")))
    under = f" under {code(cut(pivot.protocol, most))}" if pivot.protocol else ""
    student = f" with {code(cut(pivot.student, most))}" if pivot.student else ""
    return f"{escape(f'{_capital(score.title)} ({aside})')}{under}{student}."


def _ranks(pivot: Pivot) -> Iterator[str]:
    """Yield what bold and letters mean, and where there are none."""
    columns = zip(*(row.cells for row in pivot.rows), strict=True)
    ranked = [any(cell and cell.rank is not None for cell in cells) for cells in columns]
    if any(ranked):
        yield RANKED
    if not all(ranked):
        yield f"{'Columns without letters are not' if any(ranked) else 'Not'} {UNRANKED}"


def _guessing(pivot: Pivot, most: int) -> Iterator[str]:
    """Yield the accuracy of guessing, and the columns in which no method does much better."""
    found: dict[float, list[str]] = defaultdict(list)
    for head in pivot.heads:
        if head.guessing is not None:
            found[head.guessing].append(f"{escape(cut(head.dataset, most))} at IPC {head.ipc}")
    for guessing, columns in found.items():
        where = "" if len(columns) == len(pivot.heads) else f" on {_listed(columns)}"
        yield rf"Guessing gives {guessing:.3g}\,\%: no method does much better{where}."


def _numbers(members: list[Member], score: Score, spread: Spread) -> str:
    """Return what stands beside the means, and of how many students and sets they are."""
    beside = (
        r"Mean $\pm$ sample standard deviation"
        if spread == "std"
        else r"Mean and its 95\,\% interval over distilled sets (Student's $t$)"
    )
    if not any(uncertainty(cell, score, spread) for _, cell in members):
        beside = "Single numbers"
    drawn = [cell for row, cell in members if row.stochastic and not row.reference]
    fixed = [cell for row, cell in members if not row.stochastic and not row.reference]
    full = [cell for row, cell in members if row.reference]
    groups = [
        f"{_many(drawn)} ({_seeds(drawn)})" if drawn else "",
        ("without randomness: " if drawn else "") + _many(fixed) if fixed else "",
        f"below the rule: {_many(full, 'set')}" if full else "",
    ]
    return f"{beside}; n = {'; '.join(filter(None, groups))}."


def _many(cells: list[Cell], what: str = "distilled set") -> str:
    """Return counts such as "9 students of 3 distilled sets", ranges where cells differ."""
    sets = _range(cell.n_sets for cell in cells)
    said = f"{sets} {what}{'' if sets == '1' else 's'}"
    students = _range(cell.n_students for cell in cells)
    if students == "0":
        return said
    return f"{students} {'student' if students == '1' else 'students'} of {said}"


def _seeds(cells: Iterable[Cell]) -> str:
    seeds = sorted({value.seed for cell in cells for value in cell.values})
    if seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}--{seeds[-1]}"
    return f"seeds {', '.join(map(str, seeds))}"


def _range(counts: Iterable[int]) -> str:
    found = sorted(set(counts))
    return str(found[0]) if len(found) == 1 else f"{found[0]}--{found[-1]}"


def _marks(members: list[Member], spread: Spread, most: int) -> Iterator[str]:
    """Yield a sentence for every mark that the table has."""
    if spread == "interval" and any(r.stochastic and c.over == "students" for r, c in members):
        yield "{*}: over the students of one set, which says nothing of other sets."
    others = sorted({cut(cell.protocol, most) for _, cell in members if cell.protocol})
    if others:
        yield rf"$\ddagger$: under {_listed(map(code, others))}."
    quotes = (quote for _, cell in members for quote in cell.quotes[:1])
    sources = dict.fromkeys(cut(quote.row.source, most) for quote in quotes)
    if sources:
        yield (
            r"$\dagger$: printed by others and never measured here; $=$ is reproduced by what "
            r"stands above it, $\neq$ is not, ? cannot be compared. Sources: "
            f"{_listed(map(_source, sources))}."
        )
        yield from _width(cell for _, cell in members)


def _width(cells: Iterable[Cell]) -> Iterator[str]:
    """Yield how wide the intervals are that let printed numbers pass as reproduced."""
    quotes = [cell.quotes[0] for cell in cells if cell.quotes]
    halves = sorted(q.half for q in quotes if q.verdict == "reproduced" and q.half is not None)
    if halves:
        ends = dict.fromkeys(f"{half:.1f}" for half in (halves[0], halves[-1]))
        yield (
            r"The 95\,\% intervals of the differences behind $=$ reach "
            f"{'--'.join(ends)} points either way."
        )


def _source(source: str) -> str:
    arxiv = re.fullmatch(r"\d{4}\.\d{4,5}", source)
    return escape(f"arXiv:{source}" if arxiv else source)


def _listed(texts: Iterable[str], most: int = 12) -> str:
    found = list(texts)
    more = [f"{len(found) - most} more"] if len(found) > most else []
    return ", ".join([*found[:most], *more])


def _card(pivot: Pivot, most: int) -> str:
    """Return the facts behind the score, in words."""
    facts = [
        f"{CARD_WORDS.get(name, cut(name, most))} {cut(value, most)}"
        for name, value in pivot.card
        if name not in COUNTED
    ]
    return _sentence("; ".join(facts[:12]))


def _sentence(text: str) -> str:
    return f"{escape(_capital(text)).rstrip('.')}." if text else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
