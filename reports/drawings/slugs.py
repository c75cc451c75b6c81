"""Names of figures that are safe as anchors and as file names."""

from __future__ import annotations

import re

LONGEST = 60


def slug(*parts: str, taken: set[str]) -> str:
    """Return small ASCII letters, digits and hyphens, 60 at most, unlike all that are `taken`.

    The slug is added to `taken`; a second one of the same parts ends in a number.
    """
    text = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-") or "figure"
    made, number = text[:LONGEST].strip("-"), 1
    while made in taken:
        number += 1
        end = f"-{number}"
        made = text[: LONGEST - len(end)].strip("-") + end
    taken.add(made)
    return made
