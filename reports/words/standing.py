"""Who has the best average rank, and whose interval overlaps with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.scores import SCORES
from leaderboards.ranks.standings import Standing
from reports.words.counting import verb
from reports.words.finding import Finding
from reports.words.naming import ACCURACY, Naming
from reports.words.sentences import Code, Sentence, begun, listed


def standing_findings(standings: Sequence[Standing], naming: Naming) -> Iterator[Finding]:
    """Yield a finding for every standing; those of the images' scores are further ones."""
    for standing in standings:
        further = standing.metric != ACCURACY
        by: Sentence = ()
        if further:
            by = ("By ", _title(standing), ", ")
        elif len(naming.protocols) > 1:
            by = ("Under ", naming.protocol(standing.protocol), ", ")
        yield Finding("standing", begun((*by, *_said(standing))), "standings", further)


def _said(standing: Standing) -> Sentence:
    every = f"all {len(standing.methods)} methods" if len(standing.methods) > 2 else "both methods"
    over = f"over the {standing.cells} comparisons that {every} have, "
    rank = f"{standing.mean_rank[0]:.1f}"
    first = [
        method
        for method, mean in zip(standing.methods, standing.mean_rank, strict=True)
        if mean == standing.mean_rank[0]
    ]
    others = len(standing.methods) - len(first)
    if not others:
        return (over, "they have the same average rank.")
    highest = max(standing.high[: len(first)])
    ends = f" [{standing.low[0]:.1f}, {highest:.1f}]" if len(first) == 1 else ""
    has = "has" if len(first) == 1 else "share"
    said = (over, *listed(first), f" {has} the best average rank, {rank}{ends}; ")
    own = "its own" if len(first) == 1 else "theirs"
    overlap = sum(end <= highest for end in standing.low[len(first) :])
    if overlap == others:
        whose = verb(others, "interval of the other overlaps", "intervals of all others overlap")
        return (*said, f"the {whose} with {own}, so this is no order.")
    if not overlap:
        return (*said, f"no other interval overlaps with {own}.")
    whose = verb(overlap, "interval of 1 other overlaps", f"intervals of {overlap} others overlap")
    return (*said, f"the {whose} with {own}.")


def _title(standing: Standing) -> str | Code:
    """Return the title of a score that is ranked, which is therefore one of the table."""
    known = standing.metric in SCORES
    return SCORES[standing.metric].title if known else Code(standing.metric)
