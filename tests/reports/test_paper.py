from __future__ import annotations

import contextlib
import math
import re
import shutil
import subprocess

import pytest
from hostile import HOSTILE, hostile
from pypdf import PdfReader

from bench.errors import BenchError, UsageError
from reports.material import gather
from reports.paper import write
from reports.paper.compiling import compile_pdf
from reports.paper.page import page

needs_tex = pytest.mark.skipif(
    not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="there is no pdflatex"
)


@pytest.fixture(scope="module")
def folder(told_small, tmp_path_factory):
    """A paper, and what was said of it."""
    out = tmp_path_factory.mktemp("paper")
    return out, write(told_small.material, out)


def test_everything_that_is_named_was_written_and_the_other_way_round(folder):
    out, paper = folder
    assert set(paper.files) == {path for path in out.rglob("*") if path.is_file()}
    names = {str(path.relative_to(out)) for path in paper.files}
    assert {"paper.tex", "protocol.tex", "references.bib"} <= names
    assert any(name.startswith("tables/top1-last") for name in names)


def test_every_figure_has_two_widths_and_two_kinds_of_file(folder):
    out, _ = folder
    files = sorted(path.name for path in (out / "figures").iterdir())
    slugs = {name.split(".")[0] for name in files}
    assert slugs
    ends = ("one.pdf", "one.png", "two.pdf", "two.png")
    assert files == sorted(f"{slug}.{end}" for slug in slugs for end in ends)


def test_the_page_shows_every_table_and_figure_once(folder):
    out, _ = folder
    text = (out / "paper.tex").read_text()
    for path in (out / "tables").iterdir():
        assert text.count(rf"\input{{tables/{path.stem}}}") == 1
    for slug in {path.name.split(".")[0] for path in (out / "figures").iterdir()}:
        assert text.count(f"{{figures/{slug}.") == 1


def test_sources_are_ascii_and_name_no_folder(folder, told_small):
    out, _ = folder
    for path in (*out.glob("*.tex"), *out.glob("tables/*.tex")):
        text = path.read_text(encoding="ascii")
        assert str(out) not in text
        assert str(told_small.folder) not in text


@needs_tex
def test_it_compiles_to_one_page_or_more_without_open_references(folder):
    out, paper = folder
    assert out / "paper.pdf" in paper.files
    assert paper.notes == ()
    shown = "".join(sheet.extract_text() for sheet in PdfReader(out / "paper.pdf").pages)
    assert "??" not in shown
    assert "[?]" not in shown
    assert "mgd3" in shown


@pytest.fixture(scope="module")
def log(folder, tmp_path_factory):
    """What pdflatex says of the page in the end."""
    copy = tmp_path_factory.mktemp("log") / "copy"
    shutil.copytree(folder[0], copy)
    for command in ("pdflatex", "bibtex", "pdflatex", "pdflatex"):
        options = ["-interaction=nonstopmode"] if command == "pdflatex" else []
        subprocess.run([command, *options, "paper"], cwd=copy, capture_output=True, check=True)
    return (copy / "paper.log").read_text(encoding="latin-1")


@needs_tex
def test_nothing_stands_beyond_the_margins_and_latex_warns_of_nothing(log):
    assert "Overfull" not in log
    assert "Warning" not in log


@needs_tex
def test_every_font_of_the_page_has_outlines(folder):
    for sheet in PdfReader(folder[0] / "paper.pdf").pages:
        for font in sheet["/Resources"].get("/Font", {}).values():
            assert font.get_object()["/Subtype"] != "/Type3"


@needs_tex
def test_protocol_tables_figures_and_references_follow_each_other_in_order(folder):
    pages = [sheet.extract_text() for sheet in PdfReader(folder[0] / "paper.pdf").pages]
    shown = "".join(pages)
    heads = [shown.index(head) for head in ("Protocol", "Tables", "Figures", "References")]
    assert heads == sorted(heads)
    for kind in ("Table", "Figure"):
        numbers = [int(n) for n in re.findall(rf"{kind} (\d+):", shown)]
        assert numbers == list(range(1, len(numbers) + 1))
        # A heading stands on the page of what it heads.
        (sheet,) = (sheet for sheet in pages if f"{kind} 1:" in sheet)
        assert f"{kind}s" in sheet


@needs_tex
def test_both_columns_of_the_references_end_at_about_the_same_height(folder):
    sheet = PdfReader(folder[0] / "paper.pdf").pages[-1]
    ends = {True: math.inf, False: math.inf}

    def look(text, _, place, *__):
        left, height = place[4], place[5]
        if text.strip() and height > 60:  # above the number of the page
            side = left < sheet.mediabox.width / 2
            ends[side] = min(ends[side], height)

    sheet.extract_text(visitor_text=look)
    assert abs(ends[True] - ends[False]) < 60


def test_no_part_of_the_page_begins_a_new_page(folder):
    text = (folder[0] / "paper.tex").read_text()
    assert not re.search(r"\\(clearpage|newpage|pagebreak|FloatBarrier)", text)


def test_tables_of_one_column_stand_in_two_columns_and_wide_ones_do_not():
    wide, narrow = r"\begin{table*}[htbp]", r"\begin{table}[htbp]"
    texts = {"protocol.tex": "a", "references.bib": "", "tables/a.tex": narrow}
    texts |= {"tables/b.tex": wide, "tables/c.tex": narrow}
    within, outside = [], []
    for part in page(texts, []).split(r"\begin{multicols}{2}"):
        inner, _, outer = part.rpartition(r"\end{multicols}")
        within += re.findall(r"\\input\{(.*?)\}", inner)
        outside += re.findall(r"\\input\{(.*?)\}", outer)
    assert (within, outside) == (["protocol", "tables/a", "tables/c"], ["tables/b"])


def test_a_table_that_is_higher_than_a_column_with_its_caption_takes_the_whole_width():
    rows = r"a & 1 \\" * 40
    for caption, inside in (("a" * 600, True), ("a" * 2600, False)):
        table = rf"\begin{{table}}\caption{{{caption}}}\begin{{tabular}}{{ll}}{rows}\end{{table}}"
        texts = {"protocol.tex": "", "references.bib": "", "tables/a.tex": table}
        assert ("multicols}" in page(texts, [])) is inside


def test_the_same_records_give_the_same_bytes(folder, told_small, tmp_path):
    out, paper = folder
    write(told_small.material, tmp_path / "again")
    for path in paper.files:
        again = tmp_path / "again" / path.relative_to(out)
        assert again.read_bytes() == path.read_bytes(), path.name


@pytest.fixture
def nothing_drawn(monkeypatch):
    monkeypatch.setattr("reports.paper.figures.chosen", lambda material: {})


@pytest.mark.usefixtures("nothing_drawn")
def test_without_tex_it_says_how_to_get_it_and_leaves_no_older_page(
    told_small, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    write(told_small.material, tmp_path)
    (tmp_path / "paper.pdf").write_bytes(b"of other records")
    paper = write(told_small.material, tmp_path)
    (note,) = paper.notes
    assert "texlive-latex-recommended" in note
    assert not (tmp_path / "paper.pdf").exists()
    assert compile_pdf(tmp_path) is None


@pytest.mark.usefixtures("nothing_drawn")
def test_it_is_written_again_over_itself_but_not_over_the_work_of_others(told_small, tmp_path):
    write(told_small.material, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write(told_small.material, tmp_path, "interval")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    (tmp_path / "paper.tex").write_text(r"\documentclass{article}")
    with pytest.raises(UsageError, match="choose another one"):
        write(told_small.material, tmp_path)
    assert (tmp_path / "paper.tex").read_text() == r"\documentclass{article}"


@pytest.mark.usefixtures("nothing_drawn")
def test_what_was_written_last_time_and_not_now_is_deleted_and_nothing_else(told_small, tmp_path):
    out = tmp_path / "paper"
    write(told_small.material, out)
    for name in ("tables/older.tex", "tables/mine.tex"):
        (out / name).write_text("")
    (tmp_path / "outside.tex").write_text("")
    with (out / ".written").open("a") as file:
        file.write("tables/older.tex\n../outside.tex\ntables/../../outside.tex\n")
    paper = write(told_small.material, out)
    assert not (out / "tables" / "older.tex").exists()
    assert (out / "tables" / "mine.tex").exists()
    assert (tmp_path / "outside.tex").exists()
    assert all(path.exists() for path in paper.files)


def test_a_pdf_of_others_is_kept(told_small, tmp_path):
    (tmp_path / "paper.pdf").write_bytes(b"mine")
    with pytest.raises(UsageError, match="choose another one"):
        write(told_small.material, tmp_path)
    assert (tmp_path / "paper.pdf").read_bytes() == b"mine"


@needs_tex
def test_what_does_not_compile_is_one_sentence_with_the_error_of_tex(tmp_path):
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\begin{document}\n\\undefinedthing\n\\end{document}\n"
    )
    with pytest.raises(BenchError, match="Undefined control sequence"):
        compile_pdf(tmp_path)


@needs_tex
@pytest.mark.parametrize(
    "attack",
    [
        r"\input{/etc/passwd}",
        r"\newread\f\openin\f=/etc/passwd \ifeof\f\else\read\f to\x\meaning\x\fi",
        r"\immediate\write18{touch hacked}\input{hacked}",
    ],
)
def test_tex_opens_no_file_from_elsewhere_and_runs_no_command(attack, tmp_path):
    (tmp_path / "paper.tex").write_text(
        f"\\documentclass{{article}}\\begin{{document}}\n{attack}\nx\n\\end{{document}}\n"
    )
    shown = ""
    with contextlib.suppress(BenchError):
        shown = PdfReader(compile_pdf(tmp_path)).pages[0].extract_text()
    assert "root:" not in shown


@needs_tex
@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize("part", range(4))
def test_a_run_with_the_worst_texts_everywhere_compiles_and_reads_no_file(
    part, told_small, tmp_path
):
    records = hostile(told_small.records, "".join(HOSTILE[part::4]))
    paper = write(gather(records), tmp_path / "paper")
    assert paper.files[-1].name == "paper.pdf"
    shown = "".join(sheet.extract_text() for sheet in PdfReader(paper.files[-1]).pages)
    assert "root:" not in shown
