"""What is said of ranks: who is ahead, beside random images too, and on average."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaderboards import Board, Column
from reports.words.contest import Contest, contest, contests
from reports.words.counting import between, share, verb
from reports.words.finding import Finding
from reports.words.naming import Naming, compared
from reports.words.random_images import beside_random
from reports.words.ranked import ranked
from reports.words.sentences import Code, Sentence, joined_sentences
from reports.words.standing import standing_findings

if TYPE_CHECKING:
    from reports.material import Material

SINGLE = 4
"""Comparisons up to which each has a sentence at once; beyond, there is a summary."""

MOST = 40
"""Comparisons that have a sentence of their own at all."""

NEEDED = "that takes two or more distilled sets of every method, of the same seeds for all ("


def findings(material: Material) -> Iterator[Finding]:
    """Yield what is said of ranks: of accuracies, then of scores of the images."""
    naming, columns = Naming.of(material.boards), compared(material.boards)
    tried = [contest(*column) for column in columns]
    found = [one for one in tried if one is not None]
    several = len(columns) > SINGLE
    if several and found:
        yield Finding("rank", _summary(found, len(columns)), "leaderboards")
    telling = sorted(found, key=lambda one: one.tied) if several else found
    for one in telling[:MOST]:
        yield Finding("rank", ranked(one, naming), "leaderboards", further=several)
    if unranked := [column for column, one in zip(columns, tried, strict=True) if one is None]:
        sentence = _unranked(unranked, len(columns), naming)
        yield Finding("rank", sentence, "leaderboards", further=several and bool(found))
    for sentence in beside_random(found, naming):
        yield Finding("random", sentence, "leaderboards")
    yield from standing_findings(material.standings, naming)
    for one in _of_images(material.boards)[:MOST]:
        yield Finding("rank", ranked(one, naming), "leaderboards", further=True)


def _of_images(boards: Sequence[Board]) -> list[Contest]:
    """Return the contests of scores of the images that could be repeated."""
    columns = (
        (board, column, place)
        for board in boards
        for place, column in enumerate(board.columns)
        if column.group == "images"
    )
    return [one for one in contests(columns) if one.told.blocks > 1]


def _unranked(columns: Sequence[tuple[Board, Column, int]], total: int, naming: Naming) -> Sentence:
    if len(columns) > SINGLE:
        start: Sentence = (f"In {share(len(columns), total)} nothing is ranked: ",)
    else:
        places = [naming.where(board, column) for board, column, _ in columns]
        start = ("On ", *joined_sentences(places), " nothing is ranked: ")
    return (*start, NEEDED, Code("--seeds 3"), ").")


def _summary(found: Sequence[Contest], total: int) -> Sentence:
    """Return how many comparisons came out how, without what none did."""
    tied = [one for one in found if one.tied]
    ahead = [one for one in found if not one.level]
    partly = [one for one in found if one.level and not one.tied]
    parts: list[Sentence] = []
    if unranked := total - len(found):
        parts.append((f"{unranked} {verb(unranked, 'is', 'are')} not ranked",))
    if tied:
        parts.append((f"{_in(tied, total)} no two methods can be told apart{_needed(tied)}",))
    if partly:
        level = between(len(one.level) for one in partly)
        who = f"{_in(partly, total)} the leading method is ahead of some methods"
        others = "other" if level == "1" else "others"
        parts.append((f"{who} and not separated from {level} {others}",))
    if ahead:
        parts.append(
            (f"{_in(ahead, total)} one method is ahead of all others (", *_won(ahead), ")")
        )
    start = f"Of {total} comparisons of accuracy (one for each set, IPC, protocol and student), "
    return (start, *joined_sentences(parts, "; ", "; "), ".")


def _in(found: Sequence[Contest], total: int) -> str:
    return "in all" if len(found) == total else f"in {len(found)}"


def _needed(tied: Sequence[Contest]) -> str:
    """Return in brackets which differences would have been found."""
    known = [one.told.resolvable for one in tied if one.told.resolvable is not None]
    return f" (that would take a difference of about {between(known, 1)} points)" if known else ""


def _won(ahead: Sequence[Contest]) -> Sentence:
    counts = Counter(one.leader.method for one in ahead).most_common(SINGLE)
    names: list[Sentence] = [
        (Code(method), f" in {count}" if len(counts) > 1 else "") for method, count in counts
    ]
    told = sum(count for _, count in counts)
    rest: Sentence = (f" and others in {len(ahead) - told}",) if told < len(ahead) else ()
    return (*joined_sentences(names, ", ", ", " if rest else " and "), *rest)
