"""What guidance added at every step of sampling, held against the step's own noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from leaderboards import Board
from leaderboards.figures.steps import TERMS, Steps, steps
from reports.drawings import wording
from reports.drawings.chart import Axis, Chart, Drawing, Line, Mark
from reports.drawings.slugs import slug
from reports.drawings.ticks import padded

if TYPE_CHECKING:
    from reports.material import Material

WIDE = 100.0
"""Largest over smallest value, from which an axis is logarithmic."""

_Series = tuple[str, int, Mapping[int, float]]
"""Name, colour and values of a line by step, from 1."""


def guidance(material: Material) -> list[Drawing]:
    """Return for every board a chart of the terms, and one of every value recorded beside them."""
    taken: set[str] = set()
    return [
        chart
        for board in material.boards
        for chart in _charts(board, steps(board, material.evidence), material, taken)
    ]


def _charts(
    board: Board, found: Sequence[Steps], material: Material, taken: set[str]
) -> Iterator[Drawing]:
    where = f"at every step of sampling on {wording.place(board.dataset, board.ipc)}"
    parts = wording.set_parts(board, material.boards)
    drawn = f"{_sets(found)} No intervals are drawn."
    last = f"Lines end at the last step that is not 0. {drawn}"
    both = f"Lines reach from the first to the last step that is not 0. {drawn}"
    if terms := _named(((one, one.terms) for one in found), material):
        yield _chart(
            slug("guidance", *parts, taken=taken),
            f"Length of what guidance adds {where}",
            f"1: as long as the noise of that step. A change of the clean image is measured "
            f"before the sampler scales it. {last}",
            "length, in lengths of the step's noise",
            terms,
        )
    lengths = (
        (one, {name: one.values[name] for name in TERMS & one.values.keys()}) for one in found
    )
    if terms := _named(lengths, material):
        yield _chart(
            slug("guidance", *parts, "lengths", taken=taken),
            f"Length of what guidance adds {where}, by samplers that add no noise",
            f"As recorded: there is no noise of the step to hold it against. {last}",
            "length, as recorded",
            terms,
        )
    for value in sorted({name for one in found for name in one.values} - TERMS):
        if series := list(_values(found, value, material)):
            yield _chart(
                slug("guidance", *parts, value, taken=taken),
                f"{wording.cut(value[:1].upper() + value[1:])} of guidance {where}",
                f"As recorded, in a unit of its own. {both}",
                wording.cut(value),
                series,
            )


def _chart(name: str, title: str, note: str, axis: str, series: list[_Series]) -> Chart:
    numbers = [value for _, _, values in series for value in values.values()]
    log = min(numbers) > 0 and max(numbers) / min(numbers) > WIDE
    return Chart(
        slug=name,
        title=title,
        note=note,
        x=Axis(
            "step of sampling", *padded((1, *(step for *_, values in series for step in values)))
        ),
        y=Axis(axis + (", logarithmic" if log else ""), *padded(numbers, log), log=log),
        lines=tuple(Line(name, _marks(values), colour) for name, colour, values in series),
    )


def _named(
    found: Iterable[tuple[Steps, Mapping[str, tuple[float, ...]]]], material: Material
) -> list[_Series]:
    """Return a line for every method and term."""
    return [
        (_name(one, term), material.colours.get(one.name, -1), _added(values, 1))
        for one, terms in found
        for term, values in sorted(terms.items())
        if values
    ]


def _values(found: Iterable[Steps], value: str, material: Material) -> Iterator[_Series]:
    for one in found:
        if values := one.values.get(value):
            yield wording.cut(one.method), material.colours.get(one.name, -1), _added(values)


def _name(one: Steps, term: str) -> str:
    return wording.cut(f"{wording.cut(one.method, 30)}: {term}")


def _added(values: Sequence[float], first: int | None = None) -> dict[int, float]:
    """Return the values by step up to the last that is not 0, where guidance ends.

    They begin at `first`, else at the first that is not 0: what is no length was not measured
    before, while a length of 0 says that nothing was added.
    """
    there = [step for step, value in enumerate(values, start=1) if value]
    first = min(there, default=1) if first is None else first
    return {step: values[step - 1] for step in range(first, max(there, default=1) + 1)}


def _marks(values: Mapping[int, float]) -> tuple[Mark, ...]:
    """Return the corners of a line; a single step is a dot."""
    shape: Literal["none", "dot"] = "none" if len(values) > 1 else "dot"
    return tuple(Mark(step, value, shape=shape) for step, value in values.items())


def _sets(found: Sequence[Steps]) -> str:
    counts = sorted({one.n for one in found})
    if counts in ([], [1]):
        return "One distilled set a method."
    ends = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Means over {ends} distilled sets a method."
