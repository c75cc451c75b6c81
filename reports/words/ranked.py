"""What one ranked column says, in one or two sentences."""

from __future__ import annotations

from reports.words.contest import Contest
from reports.words.counting import between, counted
from reports.words.naming import Naming, title_of
from reports.words.sentences import Code, Sentence, listed


def ranked(one: Contest, naming: Naming) -> Sentence:
    """Return who is ahead of whom, who is not separated, and who could not be tested."""
    start = _place(one, naming)
    if one.tied:
        said = _tied(one)
    elif one.level:
        said = _partly(one)
    else:
        said = _ahead(one)
    rest: Sentence = ()
    if one.untested:
        rest = (" Not tested, as they have fewer than two seeds: ", *listed(one.untested), ".")
    return (*start, *said, *rest)


def _place(one: Contest, naming: Naming) -> Sentence:
    if one.column.group != "images":
        return ("On ", *naming.where(one.board, one.column), ", ")
    facts, score = one.column.facts, one.column.score
    images = f" of {facts['distilled']} images" if score.counted and "distilled" in facts else ""
    told: Sentence = (" (", Code(one.column.distinction), ")") if one.column.distinction else ()
    by = ("By ", title_of(one.column), images, *told, " on ")
    return (*by, *naming.where(one.board), ", ")


def _tied(one: Contest) -> Sentence:
    names = [entrant.method for entrant in one.entrants]
    who: Sentence = listed(names) if len(names) < 4 else (f"the {len(names)} methods",)
    means = between((entrant.cell.mean for entrant in one.entrants), one.column.score.decimals)
    found = f" cannot be told apart: means from {means}{_unit(one)}"
    if " to " not in means:
        found = f" cannot be told apart: all have {means}{_unit(one)}"
    if one.told.resolvable is None:
        return (*who, f"{found}.")
    needed = f"{one.told.resolvable:.{one.column.score.decimals}f}"
    points = " points" if one.column.score.unit == "%" else _unit(one)
    return (
        *who,
        f"{found}; with {counted(one.told.blocks, one.block)} a method a difference of about "
        f"{needed}{points} is found in 80% of cases, a smaller one less often.",
    )


def _partly(one: Contest) -> Sentence:
    """Return the leader with those not separated from it, and those behind."""
    extreme = "highest" if one.column.score.better == "higher" else "lowest"
    number = f"{one.leader.cell.mean:,.{one.column.score.decimals}f}{_unit(one)}"
    lead = f"has the {extreme} mean" if one.leads_by_mean else "leads on the seeds that all have"
    level, behind = ([entrant.method for entrant in part] for part in (one.level, one.behind))
    are = "one more is" if len(level) == 1 else f"{len(level)} more are"
    said = (Code(one.leader.method), f" {lead} ({number}); {are} not separated from it: ")
    rest: Sentence = (" Behind: ", *listed(behind), ".") if behind else ()
    return (*said, *listed(level), ".", *rest)


def _ahead(one: Contest) -> Sentence:
    cell, decimals = one.leader.cell, one.column.score.decimals
    number = f"{cell.mean:,.{decimals}f}{_unit(one)}{one.leader.ends(decimals)}"
    said = (Code(one.leader.method), " is ahead of ")
    if len(one.entrants) > 2:
        others = len(one.entrants) - 1
        return (*said, f"{'both' if others == 2 else f'all {others}'} others: {number}.")
    other = one.entrants[1]
    against = f"{other.cell.mean:,.{decimals}f}{_unit(one)}"
    return (*said, Code(other.method), f": {number} against {against}.")


def _unit(one: Contest) -> str:
    return f" {one.column.score.unit}" if one.column.score.unit else ""
