"""Texts of others at their worst, and runs in which every text is one of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from bench.records import Described, Failure, Provenance, Record

HOSTILE: tuple[str, ...] = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' style='color:red' '",
    "</title></svg><svg onload=alert(1)>",
    "<!-- ", "-->", "]]>", "<![CDATA[", "&lt;&amp;&#0;", "</style>", "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://example.com")',
    "+1", "-1+1", "@x", "\tx", "\rx",
    "\x1b[2J\x1b]8;;http://example.com\x07link\x1b]8;;\x07",
    "a\x00b", "a\x9bb", "a\u202eb\u2066c\u200b",
    "\\input{/etc/passwd}", "$a$", "%#_^~{}\\&", "\\\\[", "[1", "*x*",
    "a|b", "`a` ``b``", "[x](javascript:alert(1))", "![x](http://example.com/x.png)", "# head",
    "蒸留", "😀👩‍👩‍👧", "é ñ ß", "x" * 500, "/home/someone/secret/file",
    "C:\\Users\\someone\\secret",
)  # fmt: skip
"""Texts that mean something to a browser, a spreadsheet, a terminal, Markdown or TeX."""


def texts() -> st.SearchStrategy[str]:
    """Return texts as records may hold them: any but lone surrogates, which JSON cannot hold."""
    anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
    return st.lists(st.sampled_from(HOSTILE) | anything, min_size=1, max_size=3).map("".join)


def hostile(records: Iterable[Record], text: str) -> list[Record]:
    """Return the records with this text in place of every text but keys and names of files.

    Numbers behind it keep apart what was apart: what is known by its label has them at the end, so
    that the text comes first; identities, which are cut at `+` and `@`, begin with them.
    """
    known = _Numbers()
    return [_worse(record, text, known) for record in records]


def hostile_failures(failures: Iterable[Failure], text: str) -> list[Failure]:
    """Return the failures with this text in place of unit, error, message and traceback."""
    return [
        replace(
            failure,
            unit=text,
            error=text,
            message=text,
            traceback=f"{text}\n{text}",
            provenance=_provenance(failure.provenance, text),
        )
        for failure in failures
    ]


def hostile_files(old: Path, new: Path, text: str) -> None:
    """Copy the attachments of a story, with this text as the name of every class."""
    shutil.copytree(old / "files", new / "files")
    for path in (new / "files").glob("*/points.json"):
        points = json.loads(path.read_text(encoding="utf-8"))
        points |= {"extractor": text, "split": text}
        points["classes"] = [f"{text} {number}" for number, _ in enumerate(points["classes"])]
        path.write_text(json.dumps(points), encoding="utf-8")


class _Numbers(dict[tuple[str, str], int]):
    """Numbers of what has been met, in order."""

    def __missing__(self, key: tuple[str, str]) -> int:
        self[key] = len(self)
        return self[key]


def _worse(record: Record, text: str, known: _Numbers) -> Record:
    evaluated = record.student is not None
    data = replace(
        record.data,
        name=f"{text} {known['data', record.data.name]}",
        train_split=text,
        test_split=text,
    )
    return replace(
        record,
        data=data,
        method=_described(record.method, text, "method", known),
        protocol=_described(record.protocol, text, "protocol", known),
        student=_described(record.student, text, "student", known),
        scores=record.scores | ({text: 1.5} if evaluated else {}),
        facts=_facts(record.facts, text) | {text: text},
        cards={name: _facts(card, text) for name, card in record.cards.items()},
        traces={f"guidance/{text}{name}": trace for name, trace in record.traces.items()},
        artefacts={text: text},
        provenance=_provenance(record.provenance, text),
    )


def _described(
    described: Described | None, text: str, kind: str, known: _Numbers
) -> Described | None:
    if described is None:
        return None
    label = f"{text} {known[kind + ' label', described.label]}"
    return replace(
        described,
        name=label,
        label=label,
        identity=f"n{known[kind, described.identity]} {text}",
        asked={text: None, **described.asked},
        fields={text: text, **{name: _value(v, text) for name, v in described.fields.items()}},
        origin=text,
        remark=text if described.remark else "",
    )


def _facts(facts: dict[str, Any], text: str) -> dict[str, Any]:
    return {name: _value(value, text) for name, value in facts.items()}


def _value(value: Any, text: str) -> Any:
    return text if isinstance(value, str) else value


def _provenance(provenance: Provenance, text: str) -> Provenance:
    return replace(
        provenance,
        device=text,
        commit=text,
        packages={text: text},
        python=text,
        platform=text,
        command=text,
    )
