"""The BibTeX of a run: the papers behind all that its records name."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records import Data, Described, Record
from reports.citations.comments import comment
from reports.citations.sources import Kind, keys_of
from reports.plain import plain

if TYPE_CHECKING:
    from leaderboards.figures.evidence import Evidence

SOFTWARE = """\
@misc{distillationbench,
  title = {Distillation Bench: a benchmark and evaluation harness for dataset distillation},
  author = {{The Distillation Bench authors}},
  howpublished = {Software, version 0.1.0, Apache-2.0},
}"""
"""What `CITATION.cff` says, as BibTeX."""

Named = tuple[Kind, str, str]
"""Kind, name, and what is said behind it where the name is not known."""


@dataclass(frozen=True)
class Cited:
    """What a run has to cite."""

    keys: tuple[str, ...]
    by: dict[str, tuple[str, ...]]
    """Such as "method dap" to its keys."""
    unknown: tuple[str, ...]
    """What no source is known of, such as plugins."""


def cited(evidence: Evidence) -> Cited:
    """Return the papers behind all that the records name."""
    by: dict[str, tuple[str, ...]] = {}
    unknown: set[str] = set()
    for kind, name, behind in sorted({named for r in evidence.records for named in _named(r)}):
        known = None if behind else keys_of(kind, name)
        said = plain(f"{kind} {name}{behind}")
        if known is None:
            unknown.add(said)
        elif known:
            by[said] = known
    keys = {key for found in by.values() for key in found}
    return Cited(tuple(sorted(keys)), by, tuple(sorted(unknown)))


def bibtex(cited: Cited) -> str:
    """Return the entries by key, the software last; what has no known source comes first."""
    missing = [comment(f"No source is known of {name}.") for name in cited.unknown]
    parts = ["".join(missing).rstrip(), *map(entry, cited.keys), SOFTWARE]
    return "\n\n".join(filter(None, parts)) + "\n"


def entry(key: str) -> str:
    """Return one entry of `references.bib`; KeyError for an unknown key."""
    return entries()[key]


@functools.cache
def entries() -> dict[str, str]:
    """Return all entries by key, as they stand in the file but for what they were held against."""
    text = (Path(__file__).parent / "references.bib").read_text(encoding="utf-8")
    text = re.sub(r"^  checked = .*\n", "", text, flags=re.MULTILINE)
    return {re.split("[{,]", part, maxsplit=2)[1]: part for part in text.strip().split("\n\n")}


def author_year(key: str) -> str:
    """Return a paper as text cites it: "Gu et al., 2024", "Peebles and Xie, 2023"."""
    text = entry(key)
    authors = _field(text, "author").split(" and ")
    names = [_readable(author.partition(",")[0]) for author in authors]
    several = len(names) > 2 or "others" in names
    named = f"{names[0]} et al." if several else " and ".join(names)
    return f"{named}, {_field(text, 'year')}"


def _field(text: str, name: str) -> str:
    found = re.search(rf"^  {name} = {{(.*)}},$", text, re.MULTILINE)
    assert found is not None, name
    return found[1]


def _readable(name: str) -> str:
    """Return a name with letters for the accents that BibTeX writes out."""
    for mark, accent in (("'", "\u0301"), ('"', "\u0308")):
        name = re.sub(rf"{{\\{mark}(\w)}}", rf"\1{accent}", name)
    return unicodedata.normalize("NFC", name)


def _named(record: Record) -> Iterator[Named]:
    yield from _of_method(record.method)
    yield "dataset", record.data.name, _of_folder(record.data)
    if record.protocol is not None:
        yield from _of_protocol(record.protocol)
    if record.student is not None:
        yield "student", head(record.student), _origin(record.student)
    yield from (("score", name, "") for name in record.scores)
    for card in record.cards.values():
        if "extractor" in card:
            yield "extractor", str(card["extractor"]), ""


def _of_method(method: Described) -> Iterator[Named]:
    """Yield a method, the preset that it is called by, its generator, networks and parts."""
    yield "method", head(method), _origin(method)
    if method.origin:
        return
    if keys_of("method", method.name):
        yield "method", method.name, ""
    for part in re.findall(r"\b(?:weights|select)=(\w+)", method.identity):
        yield "part", part, ""
    yield from _network(method.fields, "features")
    sampling = method.fields.get("sampling")
    if isinstance(sampling, dict):
        yield from _filled("generator", sampling.get("generator"))
        yield from _filled("part", sampling.get("scheduler"))
        yield from _network(sampling.get("select"), "encoder")


def _of_protocol(protocol: Described) -> Iterator[Named]:
    yield "protocol", head(protocol), _origin(protocol)
    if keys_of("protocol", protocol.name) and not protocol.origin:
        yield "protocol", protocol.name, ""
    if protocol.fields.get("mix") in ("cutmix", "mixup"):
        yield "part", protocol.fields["mix"], ""
    if protocol.fields.get("randaugment_ops"):
        yield "part", "randaugment", ""


def _network(fields: Any, name: str) -> Iterator[Named]:
    """Yield the network by whose features a method chooses, where a paper of it is known."""
    network = fields.get(name) if isinstance(fields, dict) else None
    if isinstance(network, str) and keys_of("extractor", network):
        yield "extractor", network, ""


def _filled(kind: Kind, name: Any) -> Iterator[Named]:
    if name:
        yield kind, str(name), ""


def head(described: Described) -> str:
    """Return the name that an identity begins with, which no alias changes."""
    return described.identity.partition("+")[0].partition("@")[0]


def _origin(described: Described) -> str:
    return f" (from {described.origin})" if described.origin else ""


def _of_folder(data: Data) -> str:
    """Return that a set is not the registered one of its name, where it comes from a folder."""
    return " (a folder of images)" if data.train_split.startswith("folder") else ""
