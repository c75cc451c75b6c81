"""How drawings name sets, methods and recipes: short, and safe to print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.scores import SCORES, Score
from leaderboards import Board, Cell, Column
from leaderboards.headings import Name
from reports.drawings.slugs import slug
from reports.drawings.ticks import padded
from reports.plain import plain

ACCURACY = SCORES["top1_last"]
LONGEST = 60
"""Characters of a name in a drawing."""
LEAST_POINTS = 5.0
"""Of an axis of percentages."""


def cut(text: str, most: int = LONGEST) -> str:
    """Return a text without control characters, its middle left out where it is long."""
    return shortened(plain(text), most)


def shortened(text: str, most: int) -> str:
    """Return a text of so many characters at most, with "…" in its middle if it had more."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def place(dataset: str, ipc: int | None) -> str:
    """Return where numbers are from, such as "nette at IPC 10"."""
    return cut(dataset) + ("" if ipc is None else f" at IPC {ipc}")


def recipe(boards: Iterable[Board], protocol: str, student: str) -> str:
    """Return ", under PROTOCOL with STUDENT", as far as there are such."""
    columns = [column for board in boards for column in board.columns]
    under = brief(protocol, [column.protocol for column in columns])
    with_a = brief(student, [column.student for column in columns])
    return (f", under {under}" if protocol else "") + (f" with {with_a}" if student else "")


def recipe_parts(boards: Iterable[Board], protocol: str, student: str) -> tuple[str, ...]:
    """Return what a slug says of protocol and student."""
    columns = [column for board in boards for column in board.columns]
    parts = (
        brief(protocol, [column.protocol for column in columns]),
        brief(student, [column.student for column in columns]),
    )
    return tuple(part for part in parts if part)


def brief(label: str, labels: Sequence[str]) -> str:
    """Return a label up to its first `+` where no other one begins like that."""
    head = label.partition("+")[0]
    alone = {other for other in labels if other.partition("+")[0] == head} <= {label}
    return cut(head if alone else label)


def sentence(score: Score) -> str:
    """Return what a score measures, as the beginning of a sentence."""
    title = plain(score.title)
    return "Accuracy" if title == "top-1" else title[:1].upper() + title[1:]


def set_parts(board: Board, boards: Sequence[Board]) -> tuple[str, ...]:
    """Return what a slug says of a board; its number where another one is called the same."""
    named = (board.dataset, f"ipc-{board.ipc}" if board.ipc is not None else "")
    alike = [slug(*named, taken=set())] + [
        slug(other.dataset, f"ipc-{other.ipc}" if other.ipc is not None else "", taken=set())
        for other in boards
        if other is not board
    ]
    if alike.count(alike[0]) == 1:
        return named
    return (*named, next((str(at) for at, other in enumerate(boards) if other is board), ""))


def possible(ends: Iterable[float], score: Score) -> list[float]:
    """Return the ends of intervals, those of percentages from 0 to 100."""
    if score.unit != "%":
        return list(ends)
    return [min(max(end, 0.0), 100.0) for end in ends]


def reach(values: Iterable[float], score: Score) -> tuple[float, float]:
    """Return the ends of an axis that holds all values of a score with room.

    Percentages get `LEAST_POINTS` or more, which are shifted to where percentages can be: a few
    test images are no reason for an axis.
    """
    if score.unit != "%":
        return padded(values)
    low, high = padded(values, least=LEAST_POINTS)
    shift = max(0.0, -low) - max(0.0, high - 100.0) if high - low <= LEAST_POINTS + 1e-9 else 0.0
    return low + shift, high + shift


def axis_title(score: Score, column: Column | None = None) -> str:
    """Return the title of an axis: score, unit and which direction is better."""
    told = f" ({plain(column.distinction)})" if column and column.distinction else ""
    title = "top-1 accuracy" if score.title == "top-1" else score.title
    unit = f", {score.unit}" if score.unit else ""
    better = " (lower is better)" if score.better == "lower" and score.group == "images" else ""
    return f"{title}{cut(told)}{unit}{better}"


def told(cell: Cell, score: Score) -> str:
    """Return a mean with its interval, such as "top-1 34.1 % [30.2, 38.0]"."""
    return f"{score.title} {measured(cell.mean, cell.low, cell.high, score)}"


def measured(mean: float, low: float | None, high: float | None, score: Score) -> str:
    """Return a number of a score with its interval, if it has one."""
    digits = score.decimals
    unit = f" {score.unit}" if score.unit else ""
    ends = "" if low is None or high is None else f" [{low:,.{digits}f}, {high:,.{digits}f}]"
    return f"{mean:,.{digits}f}{unit}{ends}"


def left_out(names: Iterable[tuple[str, float]]) -> list[str]:
    """Return what stands in a note of references that a chart has no room for, if any."""
    told = [f"{cut(name)} {value:.1f} %" for name, value in names]
    return [f"Far above or below, and not drawn: {', '.join(told)}."] if told else []


def within_reach(value: float, heights: Iterable[float], score: Score = ACCURACY) -> bool:
    """Return whether an axis that holds the heights has room for a value when it is tripled."""
    low, high = reach(heights, score)
    return low - (high - low) <= value <= high + (high - low)


def references(board: Board) -> set[tuple[str, Name]]:
    """Return heading and name of the rows that are no distilled sets."""
    return {(row.method, row.name) for row in board.rows if row.reference}


def counted(number: int, thing: str) -> str:
    """Return "1 method" or "3 methods"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
