"""The page of a run: one HTML file that needs nothing else."""

from __future__ import annotations

import re
from typing import Any

from reports.material import Material
from reports.page import budget, cards, overview, provenance
from reports.page.choices import choices
from reports.page.figures import Numbering, forests, sections
from reports.page.outline import SECTIONS, absent
from reports.page.rankings import rankings
from reports.page.relations import correlations
from reports.page.rendering import asset, policy, render
from reports.page.samples import samples
from reports.page.tables import reading, tables
from reports.plain import plain

GENERATOR = "distillation-bench"
"""What the page calls its maker, so that a command knows a page of ours."""
NO_CHARACTERS = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(0x10000 * plane + 0xFFFE + k) for plane in range(17) for k in (0, 1))
    + "]"
)
"""Code points that are no characters, which HTML forbids."""


def page(material: Material, title: str | None = None) -> str:
    """Return the whole HTML; pure: no clock, no path, no environment."""
    values = {
        "title": plain(title) if title else overview.heading(material),
        "generator": GENERATOR,
        "style": (style := asset("report.css") + "\n" + asset("print.css")),
        "script": (script := asset("report.js")),
        "policy": policy(style, script),
        "budget": budget,
        **_overview(material),
        **_body(material),
    }
    present = [name for name in SECTIONS if values["content"].get(name, True)]
    values |= {
        "sections": {name: SECTIONS[name] for name in present},
        "absent": absent(material, present),
    }
    return NO_CHARACTERS.sub("\ufffd", render("base.html.jinja", values))


def _overview(material: Material) -> dict[str, Any]:
    from reports.words.compared import compared
    from reports.words.findings import findings
    from reports.words.limits import limits

    return {
        "counts": overview.counts(material),
        "lead": compared(material),
        "facts": overview.facts(material),
        "words": overview.words(material),
        "findings": findings(material),
        "limits": limits(material),
    }


def _body(material: Material) -> dict[str, Any]:
    from reports.remarks import legend
    from reports.words.protocol_words import paragraphs

    numbering, chosen = Numbering(), choices(material.boards)
    images, grids = samples(material)
    quotes, failed = provenance.quotes(material), provenance.failures(material)
    drawn = forests(material, numbering)
    content = {
        **dict.fromkeys(("by-ipc", "training", "metrics", "architectures", "cost", "coverage")),
        "guidance": None,
        **(figures := sections(material, numbering)),
        "standings": rankings(material.standings),
        "samples": grids,
        "published": quotes[: budget.QUOTES],
        "failures": failed[: budget.FAILURES],
    }
    if "metrics" in figures:
        content["correlations"] = correlations(material, figures["metrics"])
    return {
        "content": content,
        "choices": chosen,
        "tables": (made := tables(material, chosen)),
        "reading": reading(made),
        "large": sum(table.cells for table in made) > budget.LARGE_CELLS,
        "forests": drawn,
        "legend": legend(material.boards, all_scores=True),
        "images": images,
        "complaints": [*material.sheets[1], *material.planes[1]],
        "quotes_in_all": len(quotes),
        "other_failures": max(0, len(failed) - budget.FAILURES),
        "paragraphs": paragraphs(material),
        "protocols": cards.protocols(material),
        "students": cards.students(material),
        "methods": cards.methods(material),
        "scores": cards.scores(material),
        "datasets": cards.datasets(material),
        "provenance": provenance.provenance(material),
    }
