from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pybtex.database import parse_string

import methods
import protocols
from bench.backbones import STUDENTS
from bench.data import DATASETS
from bench.features.extractors import KNOWN
from bench.generators import GENERATORS
from bench.scores import SCORES
from leaderboards.published import ledger
from reports.citations import citing, sources
from reports.citations.sources import keys_of

BIB = Path(citing.__file__).parent / "references.bib"
NAMED = [
    *(("method", name) for name in (*methods.METHODS, *methods.PRESETS)),
    *(("protocol", name) for name in protocols.PROTOCOLS),
    *(("dataset", name) for name in DATASETS),
    *(("student", name) for name in STUDENTS),
    *(("generator", name) for name in GENERATORS),
    *(("extractor", name) for name in (*KNOWN, "convnet3@32")),
    *(("score", name) for name in SCORES),
]
PAPER = re.compile(r"^Papers?:(.*?)(?=^\w+:|\Z)", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)+/\S")
TITLE = re.compile(r'"([^"]+ [^"]+)"(?:, *([A-Za-z]+) (\d{4}))?')


def headers() -> list[tuple[str, str]]:
    """Return the names and docstrings of the modules of methods and protocols."""
    rooms = (Path(methods.__file__).parent, Path(protocols.__file__).parent)
    files = [path for room in rooms for path in sorted(room.glob("*.py"))]
    found = [(path.stem, ast.get_docstring(ast.parse(path.read_text("utf-8")))) for path in files]
    return [(name, text) for name, text in found if text]


def entries():
    return parse_string(BIB.read_text("utf-8"), "bibtex").entries


def plain_title(text: str) -> str:
    return " ".join(re.sub("[{}]", "", text).split()).casefold()


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_every_registered_name_has_papers_or_a_reason_for_none(kind, name):
    keys = keys_of(kind, name)
    assert keys is not None
    assert bool(keys) != (name in sources.NO_PAPER)


def test_names_that_are_not_registered_are_unknown():
    assert keys_of("method", "vendor/mgd3") is None
    assert keys_of("student", "timm/unheard_of") is None
    assert keys_of("dataset", "mine") is None


def test_the_table_holds_no_name_that_is_not_registered():
    tables = {
        "method": {*methods.METHODS, *methods.PRESETS},
        "protocol": set(protocols.PROTOCOLS),
        "dataset": set(DATASETS),
        "generator": set(GENERATORS),
        "extractor": set(KNOWN),
        "score": set(SCORES),
    }
    assert {name: set(sources._TABLES[name]) for name in tables} == tables


def test_every_key_has_an_entry_and_every_entry_is_used():
    tables = [*sources._TABLES.values(), sources.STUDENTS]
    used = {key for table in tables for keys in table.values() for key in keys}
    assert used | set(sources.SOURCES.values()) == set(entries())


def test_an_entry_is_given_as_it_stands_in_the_file_but_for_what_it_was_held_against():
    found = citing.entry("gu2024minimax")
    lines = found.splitlines()
    below = BIB.read_text("utf-8").partition(f"{lines[0]}\n")[2]
    *fields, end = below.partition("\n}")[0].split("\n")
    assert end.startswith("  checked = {")
    assert lines == ["@inproceedings{gu2024minimax,", *fields, "}"]
    assert not any("checked" in citing.entry(key) for key in entries())
    with pytest.raises(KeyError):
        citing.entry("unheard2030of")


def test_entries_are_ascii_and_in_the_order_of_their_keys():
    text = BIB.read_text("ascii")
    assert list(citing.entries()) == sorted(entries()) == list(entries())
    assert text.count("\n@") + 1 == len(entries())


def test_every_entry_says_what_it_was_held_against_or_that_nothing_was_found():
    said = {key: {"checked", "annote"} & {*entry.fields} for key, entry in entries().items()}
    assert {key: fields for key, fields in said.items() if len(fields) != 1} == {}
    found = [entry.fields["checked"] for entry in entries().values() if "checked" in entry.fields]
    assert [text for text in found if not ADDRESS.search(text)] == []


def test_entries_that_were_held_against_a_source_name_all_authors():
    found = {key for key, entry in entries().items() if "checked" in entry.fields}
    short = {key for key in found if "others" in map(str, entries()[key].persons["author"])}
    assert found
    assert short == set()


@pytest.mark.parametrize("source", sources.SOURCES)
def test_sources_of_printed_numbers_are_those_of_the_ledger(source):
    fields = entries()[sources.SOURCES[source]].fields
    assert source in {row.source for row in ledger.read()}
    assert fields.get("eprint") == source or source.rpartition(":")[2] in fields["note"]


@pytest.mark.parametrize(("module", "text"), headers())
def test_titles_and_venues_in_headers_are_those_of_the_entries(module, text):
    known = {plain_title(entry.fields["title"]): entry for entry in entries().values()}
    for section in PAPER.findall(text):
        for title, venue, year in TITLE.findall(" ".join(section.split())):
            fitting = [e for name, e in known.items() if name.startswith(plain_title(title))]
            assert len(fitting) == 1, (module, title)
            if venue:
                fields = fitting[0].fields
                assert venue in fields.get("booktitle", fields.get("journal", "")), title
                assert year == fields["year"], title


@pytest.mark.parametrize(("module", "text"), headers())
def test_arxiv_ids_in_headers_are_those_of_the_methods_papers(module, text):
    found = re.findall(r"arXiv:? ?(\d{4}\.\d{5})", text)
    if found and module in sources.METHODS:
        keys = keys_of("method", module)
        assert {entries()[key].fields["eprint"] for key in keys} == set(found)


def test_the_software_is_cited_as_citation_cff_says():
    cff = (Path(__file__).parents[2] / "CITATION.cff").read_text("utf-8")
    (software,) = parse_string(citing.SOFTWARE, "bibtex").entries.values()
    said = dict(re.findall(r'^(?:  - )?([a-z]+): "?(.*?)"?$', cff, re.MULTILINE))
    assert software.fields["title"] == said["title"]
    assert [str(person) for person in software.persons["author"]] == [f"{{{said['name']}}}"]
    assert said["version"] in software.fields["howpublished"]
    assert said["license"] in software.fields["howpublished"]


@pytest.mark.skipif(not shutil.which("bibtex"), reason="no bibtex")
def test_bibtex_reads_all_entries_without_a_warning(tmp_path):
    aux = r"\relax \citation{*} \bibstyle{plain} \bibdata{references}".replace(" ", "\n")
    (tmp_path / "paper.aux").write_text(aux + "\n")
    text = BIB.read_text("utf-8") + "\n" + citing.SOFTWARE + "\n"
    (tmp_path / "references.bib").write_text(text)
    done = subprocess.run(["bibtex", "paper"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "Warning" in done.stdout) == (0, False), done.stdout
    assert (tmp_path / "paper.bbl").read_text().count("\\bibitem") == len(entries()) + 1
