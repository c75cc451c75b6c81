"""The sections of the page, in the order in which a newcomer needs them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from reports.words.sentences import Sentence

if TYPE_CHECKING:
    from reports.material import Material

SECTIONS = {
    "compared": "What was compared",
    "in-short": "In short",
    "not-shown": "What this does not show",
    "leaderboards": "Leaderboards",
    "standings": "Average ranks",
    "by-ipc": "Accuracy by images per class",
    "training": "Training",
    "metrics": "Scores of the images beside accuracy",
    "architectures": "Other students",
    "cost": "What it costs",
    "samples": "The images",
    "coverage": "Real and distilled features",
    "guidance": "Guidance, step by step",
    "published": "Published numbers",
    "protocols": "Protocols, students and methods",
    "datasets": "Real sets",
    "provenance": "How it was run",
    "failures": "What failed",
    "more": "What would tell more",
}
"""Title by id, which links and findings refer to."""

WHY = {
    "standings": "two ranked comparisons or more that every method is in.",
    "by-ipc": "two IPCs or more.",
    "training": "students that are tested more than once.",
    "metrics": "a protocol that compares images, and three methods or more.",
    "architectures": "two students or more.",
    "cost": "two methods or more.",
    "samples": "a protocol that looks at them.",
    "coverage": "a protocol that looks at the images.",
    "guidance": "methods that guide a generator.",
    "published": "no published number is of what was run here.",
}
"""What is said of a section that is absent where nothing better is known."""


def absent(material: Material, present: Collection[str]) -> list[tuple[str, Sentence]]:
    """Return the id of every section that has nothing to show, and what would fill it.

    Before them what no section shows: that there is nothing to hold methods against.
    """
    from reports.words.missing import control, missing

    said = dict(missing(material))
    lacking: list[tuple[str, Sentence]] = [
        (name, (f"{SECTIONS[name]}: ", *said.get(name, (why,))))
        for name, why in WHY.items()
        if name not in present
    ]
    first = control(material)
    return [("leaderboards", first), *lacking] if first else lacking
