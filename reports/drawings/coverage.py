"""Where distilled images lie among the real ones: both in the plane of the real features."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reports.attachments import Drawn, Plane, Points
from reports.drawings import wording
from reports.drawings.chart import Cloud, Drawing, Panel
from reports.drawings.plane import Square, square_of
from reports.drawings.slugs import slug

if TYPE_CHECKING:
    from reports.material import Material

MOST_COLUMNS = 7
"""Methods of one cloud; more are split evenly."""
CLASSES = 3
"""Classes that have a row of their own."""

_Row = tuple[str, int | None]
"""Heading of a row, and its class; None: all of them."""


def coverage(material: Material) -> list[Drawing]:
    """Return clouds for every set, IPC and network: methods across, all classes and three down."""
    taken: set[str] = set()
    return [
        _cloud(members, material, taken, _part(members, group))
        for group in _groups(material.planes[0])
        for members in _split(group)
    ]


def _part(members: list[Drawn], group: list[Drawn]) -> str:
    """Return which of the methods a cloud has, where that is not all of them."""
    if len(members) == len(group):
        return ""
    first = group.index(members[0]) + 1
    return f": methods {first} to {first + len(members) - 1} of {len(group)}"


def _groups(planes: Sequence[Drawn]) -> list[list[Drawn]]:
    """Return the planes that show the same real points; the first one of every row."""
    found: dict[object, dict[int, Drawn]] = defaultdict(dict)
    for drawn in planes:
        plane = drawn.plane
        key = (drawn.board, plane.extractor, plane.split, tuple(plane.classes), _key(plane.real))
        found[key].setdefault(drawn.row, drawn)
    return [list(rows.values()) for rows in found.values()]


def _key(points: Points) -> object:
    return tuple(map(tuple, points.xy)), tuple(points.label)


def _split(group: list[Drawn]) -> Iterator[list[Drawn]]:
    parts = math.ceil(len(group) / MOST_COLUMNS)
    size = math.ceil(len(group) / parts)
    for start in range(0, len(group), size):
        yield group[start : start + size]


def _cloud(members: list[Drawn], material: Material, taken: set[str], part: str) -> Cloud:
    board, plane = material.boards[members[0].board], members[0].plane
    rows = [("all classes", None), *_classes(plane)]
    squares = [square_of(_chosen(plane.real, number)) for _, number in rows]
    points = {
        f"real {at}": square.placed(_chosen(plane.real, number))
        for at, ((_, number), square) in enumerate(zip(rows, squares, strict=True))
    }
    panels = []
    for at, ((_, number), square) in enumerate(zip(rows, squares, strict=True)):
        line = []
        for column, drawn in enumerate(members):
            key = f"distilled {at} {column}"
            points[key] = square.placed(_chosen(drawn.plane.distilled, number))
            colour = material.colours.get(board.rows[drawn.row].name, -1)
            line.append(Panel(_title(points, at, key), f"real {at}", ((colour, key),)))
        panels.append(tuple(line))
    return Cloud(
        slug=slug(
            "coverage", *wording.set_parts(board, material.boards), plane.extractor, taken=taken
        ),
        title=f"Real (faint) and distilled images of {wording.place(board.dataset, board.ipc)}"
        + part,
        note=_note(plane, _beyond(members, rows, squares)),
        columns=tuple(wording.cut(board.rows[drawn.row].method) for drawn in members),
        rows=tuple(title for title, _ in rows),
        panels=tuple(panels),
        points=points,
    )


def _classes(plane: Plane) -> list[_Row]:
    """Return the first classes that have real images; none where there is only one class."""
    there = sorted(set(plane.real.label))
    if len(there) < 2:
        return []
    return [(wording.cut(plane.classes[number]), number) for number in there[:CLASSES]]


def _chosen(points: Points, number: int | None) -> list[tuple[float, float]]:
    pairs = zip(points.xy, points.label, strict=True)
    return [(x, y) for (x, y), label in pairs if number is None or label == number]


def _title(points: dict[str, tuple[tuple[int, int], ...]], at: int, key: str) -> str:
    return f"{len(points[key])} distilled and {len(points[f'real {at}'])} real images"


def _beyond(members: list[Drawn], rows: Sequence[_Row], squares: Sequence[Square]) -> int:
    """Return how many distilled images lie beyond the frames of their panels."""
    return sum(
        not square.holds(point)
        for (_, number), square in zip(rows, squares, strict=True)
        for drawn in members
        for point in _chosen(drawn.plane.distilled, number)
    )


def _note(plane: Plane, beyond: int) -> str:
    explained = " and ".join(f"{100 * share:.0f} %" for share in plane.explained[:2])
    parts = [
        f"Features of {wording.cut(plane.extractor)}, split {wording.cut(plane.split)}, of the "
        "first seed of every method, in the two directions in which the real ones vary most"
        + (f" ({explained} of their variance)." if explained else "."),
        "Every panel reaches as far as nearly all real images of its row: rows have scales of "
        "their own.",
    ]
    if beyond:
        parts.append(f"{wording.counted(beyond, 'distilled dot')} beyond a frame, on its edge.")
    return " ".join(parts)
