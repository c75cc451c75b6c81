"""The pictures and points that records of image metrics have beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, get_args

import msgspec

from reports.attached_files import Unusable, read_within
from reports.unread import Unread
from reports.webp import size_of

if TYPE_CHECKING:
    from pathlib import Path

    from bench.records import Record
    from leaderboards import Board
    from leaderboards.figures.evidence import Evidence

VERSION = 1
"""Of the points that are understood."""

SHEET_BYTES, POINTS_BYTES = 1_000_000, 2_000_000
"""Of one file, at most."""

FARTHEST = 1e6
"""Coordinates beyond it are none of features."""

Kind = Literal["distilled", "nearest", "real"]
Read = TypeVar("Read")


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: a row of thumbnails per class."""

    board: int
    row: int
    seed: int
    kind: Kind
    data: bytes
    """WebP, as stored."""
    width: int
    height: int


class Points(msgspec.Struct, frozen=True):
    """Features in two dimensions."""

    xy: list[tuple[float, float]]
    label: list[int]


class Layout(msgspec.Struct, frozen=True):
    """How the sheets are laid out."""

    side: int
    columns: int
    classes: list[int]


class Plane(msgspec.Struct, frozen=True):
    """Real and distilled features in the plane of the real ones."""

    version: int
    extractor: str
    split: str
    classes: list[str]
    explained: list[float]
    real: Points
    distilled: Points
    sheet: Layout


class _Version(msgspec.Struct):
    version: int


@dataclass(frozen=True)
class Drawn:
    """The plane of one row."""

    board: int
    row: int
    plane: Plane


def sheets(
    boards: Sequence[Board], evidence: Evidence, folder: Path
) -> tuple[list[Sheet], list[Unread]]:
    """Return the sheets of every row's first seed, and what cannot be read.

    Of several passes of one set the first that has a kind of sheet gives it. Real images stand
    beside distilled ones: a board that has none of these has no sheets.
    """
    read = _Reader(folder, "sample sheet", SHEET_BYTES, _picture)
    found = []
    for board, row, passes in _first_passes(boards, evidence):
        for kind in get_args(Kind):
            record = next((one for one in passes if kind in one.files), None)
            picture = read(record, kind) if record else None
            if record and picture:
                found.append(Sheet(board, row, record.seed, kind, *picture))
    shown = {sheet.board for sheet in found if sheet.kind == "distilled"}
    return [sheet for sheet in found if sheet.board in shown], read.complaints


def planes(
    boards: Sequence[Board], evidence: Evidence, folder: Path
) -> tuple[list[Drawn], list[Unread]]:
    """Return the points of every row's first seed, and what cannot be read.

    A row has one plane for every network and split that it was compared in.
    """
    read = _Reader(folder, "points file", POINTS_BYTES, _plane)
    found = []
    for board, row, passes in _first_passes(boards, evidence):
        own: dict[tuple[str, str], Plane] = {}
        for record in passes:
            plane = read(record, "points") if "points" in record.files else None
            if plane:
                own.setdefault((plane.extractor, plane.split), plane)
        found += [Drawn(board, row, plane) for plane in own.values()]
    return found, read.complaints


def _first_passes(
    boards: Sequence[Board], evidence: Evidence
) -> Iterator[tuple[int, int, list[Record]]]:
    """Yield the positions of board and row, with the passes of its first seed that has files."""
    for at, board in enumerate(boards):
        for place, row in enumerate(board.rows):
            passes = [one for one in evidence.passes(board, row) if one.files]
            if passes:
                yield at, place, [one for one in passes if one.seed == passes[0].seed]


@dataclass
class _Reader(Generic[Read]):
    """Reads every file once, as references stand in several boards, and notes what it cannot."""

    folder: Path
    what: str
    most: int
    understand: Callable[[bytes], Read]
    complaints: list[Unread] = field(default_factory=list)
    _read: dict[str, Read | None] = field(default_factory=dict)

    def __call__(self, record: Record, name: str) -> Read | None:
        path = record.files[name]
        if path not in self._read:
            self._read[path] = self._first(record, path)
        return self._read[path]

    def _first(self, record: Record, path: str) -> Read | None:
        try:
            return self.understand(read_within(self.folder, path, self.most))
        except Unusable as error:
            unread = Unread(self.what, record.method.label, record.key, str(error))
            self.complaints.append(unread)
            return None


def _picture(data: bytes) -> tuple[bytes, int, int]:
    return data, *size_of(data)


def _plane(data: bytes) -> Plane:
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version != VERSION:
            raise Unusable(f"it has version {version}, this version of `bench` reads {VERSION}")
        plane = msgspec.json.decode(data, type=Plane)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable("it is not what a pass of image metrics writes") from error
    if not _holds(plane):
        raise Unusable("its numbers contradict each other")
    return plane


def _holds(plane: Plane) -> bool:
    """Return whether every point has a place and a class."""
    classes, sheet = range(len(plane.classes)), plane.sheet
    return (
        all(
            len(points.xy) == len(points.label)
            and all(label in classes for label in points.label)
            and all(abs(x) <= FARTHEST and abs(y) <= FARTHEST for x, y in points.xy)
            for points in (plane.real, plane.distilled)
        )
        and all(math.isfinite(share) for share in plane.explained)
        and all(label in classes for label in sheet.classes)
        and sheet.side > 0
        and sheet.columns > 0
    )
