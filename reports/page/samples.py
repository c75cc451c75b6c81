"""Which contact sheets stand on the page, and how their rows are shown class by class.

A sheet is embedded once, as stored; every class shows its own row of it. Sheets are taken by turns
from all boards, so that a page with room for half of them has half of every board.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from reports.attachments import Plane, Sheet
from reports.page.budget import IMAGE_BYTES
from reports.page.choices import title
from reports.plain import plain

if TYPE_CHECKING:
    from leaderboards import Board
    from reports.material import Material

SIDE = 64
"""Pixels per side of an image on a sheet of which no layout is known."""


class Image(NamedTuple):
    """One embedded sheet."""

    name: str
    width: int
    height: int
    base64: str


@dataclass(frozen=True)
class Strip:
    """One row of a sheet: images of a class."""

    image: str
    said: str
    top: int
    width: int
    side: int
    quiet: bool
    """Real images, beside those of a method."""


@dataclass(frozen=True)
class Shelf:
    """The strips of one class."""

    title: str
    rows: tuple[tuple[str, tuple[Strip, ...]], ...]
    """Method, or what real images are, and its strips."""


@dataclass(frozen=True)
class Samples:
    """The images of one board."""

    title: str
    shelves: tuple[Shelf, ...]
    left_out: int
    """Sheets that the page has no room for."""


def samples(material: Material) -> tuple[list[Image], list[Samples]]:
    """Return the embedded sheets, and for every board with any the strips of its classes."""
    import base64

    found = material.sheets[0]
    chosen = _chosen(found, len(material.boards))
    images: dict[bytes, Image] = {}
    for sheet in chosen:
        if sheet.data not in images:
            text = base64.b64encode(sheet.data).decode()
            name = f"sheet-{len(images)}"
            images[sheet.data] = Image(name, sheet.width, sheet.height, text)
    planes = {(drawn.board, drawn.row): drawn.plane for drawn in material.planes[0]}
    made = []
    for number, board in enumerate(material.boards):
        own = [sheet for sheet in chosen if sheet.board == number]
        if any(sheet.kind == "distilled" for sheet in own):
            all_of_it = sum(sheet.board == number and sheet.kind != "real" for sheet in found)
            left_out = all_of_it - sum(sheet.kind != "real" for sheet in own)
            shelves = _shelves(board, own, planes, images)
            made.append(Samples(title(board, material.boards), tuple(shelves), left_out))
    return list(images.values()), made


def _chosen(sheets: Iterable[Sheet], boards: int) -> list[Sheet]:
    """Return the sheets that there is room for, in the order of boards, rows and kinds."""
    queues = [list(_in_turn([s for s in sheets if s.board == number])) for number in range(boards)]
    kept: list[Sheet] = []
    seen: set[bytes] = set()
    room = IMAGE_BYTES
    for turn in zip_longest(*queues):
        for sheet in filter(None, turn):
            cost = 0 if sheet.data in seen else -(-len(sheet.data) // 3) * 4
            if cost <= room:
                room -= cost
                seen.add(sheet.data)
                kept.append(sheet)
    order = {"real": 0, "distilled": 1, "nearest": 1}
    return sorted(kept, key=lambda s: (s.board, order[s.kind], s.row, s.kind))


def _in_turn(sheets: list[Sheet]) -> Iterator[Sheet]:
    """Yield one sheet of real images, then distilled ones, then the real ones nearest to them."""
    yield from [sheet for sheet in sheets if sheet.kind == "real"][:1]
    for kind in ("distilled", "nearest"):
        yield from sorted((s for s in sheets if s.kind == kind), key=lambda sheet: sheet.row)


def _shelves(
    board: Board,
    sheets: list[Sheet],
    planes: dict[tuple[int, int], Plane],
    images: dict[bytes, Image],
) -> Iterator[Shelf]:
    names: dict[int, str] = {}
    rows: dict[int, dict[str, list[Strip]]] = defaultdict(lambda: defaultdict(list))
    for sheet in sheets:
        plane = planes.get((sheet.board, sheet.row))
        labels = plane.sheet.classes if plane else list(range(max(1, sheet.height // SIDE)))
        side = sheet.height // max(1, len(labels))
        for position, label in enumerate(labels):
            known = plane is not None and 0 <= label < len(plane.classes)
            if plane is not None and known:
                names[label] = plain(plane.classes[label])
            name = names.setdefault(label, f"class {label}")
            image = images[sheet.data].name
            heading = "real images" if sheet.kind == "real" else plain(board.rows[sheet.row].method)
            strip = _strip(board, sheet, image, name, position * side, side)
            rows[label][heading].append(strip)
    for label in sorted(rows):
        made = tuple((heading, tuple(strips)) for heading, strips in rows[label].items())
        yield Shelf(names[label], made)


def _strip(board: Board, sheet: Sheet, image: str, name: str, top: int, side: int) -> Strip:
    method = plain(board.rows[sheet.row].method)
    count = sheet.width // max(1, side)
    images = "image" if count == 1 else "images"
    said = f"{count} {images} of {name} by {method}, seed {sheet.seed}"
    if sheet.kind == "real":
        said = f"{count} real {images} of {name}"
    if sheet.kind == "nearest":
        said = f"the real {images} of {name} nearest to those by {method}, seed {sheet.seed}"
    return Strip(image, said, top, sheet.width, side, sheet.kind == "nearest")
