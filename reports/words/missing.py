"""What would fill the sections that a report lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.words.limits_of_files import mending
from reports.words.limits_of_number import CONTROL, has_control
from reports.words.naming import methods
from reports.words.sentences import Code, Sentence

if TYPE_CHECKING:
    from reports.material import Material

FIDELITY = Code("--protocols hard,fidelity")

NEEDED: dict[str, Sentence] = {
    "standings": (
        "two comparisons or more of the same methods, with two seeds or more (",
        Code("--seeds 3"),
        ")",
    ),
    "by-ipc": ("two IPCs or more (", Code("--ipc 1,10"), ")"),
    "training": ("students that are tested more than once while they learn",),
    "metrics": ("three methods or more that have both (", FIDELITY, ")"),
    "architectures": ("two students or more (", Code("--students convnet3,resnetap10"), ")"),
    "cost": ("two methods or more that are scored by students",),
    "samples": ("a protocol that looks at them (", FIDELITY, ")"),
    "coverage": ("a protocol that looks at the images (", FIDELITY, ")"),
    "guidance": ("a method that guides a generator (", Code("--methods mgd3,igd,dap"), ")"),
    "published": (
        "a method, set, IPC, recipe and student that a paper has numbers of, as listed by ",
        Code("bench audit METHOD"),
    ),
}
"""Section to what it needs, without the full stop."""

WITHOUT_CONTROL: Sentence = (
    "What methods gain: real images drawn at random beside them (",
    Code(f"--methods {CONTROL}"),
    ").",
)


UNREAD: dict[str, tuple[str, str]] = {
    "samples": ("distilled", "pictures"),
    "coverage": ("points", "points"),
}
"""Section to the file that records name for it, and what these files hold."""


def missing(material: Material) -> tuple[tuple[str, Sentence], ...]:
    """Return (section, what to run or to mend) for every section that has nothing to show.

    Without the title of the section, which the page has.
    """
    there = _present(material)
    return tuple(
        (section, (*(_unread(section, material) or need), "."))
        for section, need in NEEDED.items()
        if not there[section]
    )


def control(material: Material) -> Sentence:
    """Return that real images drawn at random are missing; () where they are not."""
    lacks = methods(material.boards) and not has_control(material.boards)
    return WITHOUT_CONTROL if lacks else ()


def _unread(section: str, material: Material) -> Sentence:
    """Return that files of a section are recorded, which is why it is empty; () if they are not."""
    kind, held = UNREAD.get(section, ("", ""))
    if not any(kind in record.files for record in material.evidence.records):
        return ()
    lost = f"{held} were made, but the files that the records name cannot be read"
    return (lost, *mending(material))


def _present(material: Material) -> dict[str, bool]:
    records, boards = material.evidence.records, material.boards
    return {
        "standings": bool(material.standings),
        "by-ipc": bool(material.ipc_curves),
        "training": any(len(one.series.get("top1", ())) > 1 for one in records if one.student),
        "metrics": bool(material.relations),
        "architectures": bool(material.architectures),
        "cost": bool(material.trades),
        "samples": any(sheet.kind == "distilled" for sheet in material.sheets[0]),
        "coverage": bool(material.planes[0]),
        "guidance": any(name.startswith("guidance/") for one in records for name in one.traces),
        "published": any(
            cell.quotes for board in boards for row in board.rows for cell in row.cells if cell
        ),
    }
