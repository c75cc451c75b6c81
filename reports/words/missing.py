"""What would fill the sections that a report lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.words.limits_of_files import mending
from reports.words.sentences import Code, Sentence

if TYPE_CHECKING:
    from reports.material import Material

FIDELITY = Code("--protocols hard,fidelity")

NEEDED: dict[str, Sentence] = {
    "standings": (
        "Average ranks need two comparisons or more of the same methods, with two seeds or more: ",
        Code("--seeds 3"),
    ),
    "by-ipc": ("Accuracy by images per class needs two IPCs or more: ", Code("--ipc 1,10")),
    "training": ("Training curves need students that are tested more than once while they learn",),
    "metrics": (
        "Scores of the images beside accuracy need three methods or more that have both: ",
        FIDELITY,
    ),
    "architectures": (
        "Accuracy by architecture needs two students or more: ",
        Code("--students convnet3,resnetap10"),
    ),
    "cost": ("Cost beside accuracy needs two methods or more that are scored by students",),
    "samples": ("Pictures of the images need a protocol that looks at them: ", FIDELITY),
    "coverage": ("Maps of the features need a protocol that looks at the images: ", FIDELITY),
    "guidance": (
        "Steps of guidance need a method that guides a generator: ",
        Code("--methods mgd3,igd,dap"),
    ),
    "published": (
        "Printed numbers need a method, set, IPC, recipe and student that a paper has numbers of, "
        "as listed by ",
        Code("bench audit METHOD"),
    ),
}
"""Section to what it needs, without the full stop."""


UNREAD: dict[str, tuple[str, str]] = {
    "samples": ("distilled", "Pictures of the images were made"),
    "coverage": ("points", "Maps of the features were made"),
}
"""Section to the file that records name for it, and what to say where none of these is read."""


def missing(material: Material) -> tuple[tuple[str, Sentence], ...]:
    """Return (section, what to run or to mend) for every section that has nothing to show."""
    there = _present(material)
    return tuple(
        (section, (*(_unread(section, material) or need), "."))
        for section, need in NEEDED.items()
        if not there[section]
    )


def _unread(section: str, material: Material) -> Sentence:
    """Return that files of a section are recorded, which is why it is empty; () if they are not."""
    kind, made = UNREAD.get(section, ("", ""))
    if not any(kind in record.files for record in material.evidence.records):
        return ()
    return (f"{made}, but the files that the records name cannot be read", *mending(material))


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
