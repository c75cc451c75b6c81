from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest
from hostile import HOSTILE, texts
from hypothesis import given
from msgspec import structs

from bench.scores import SCORES
from leaderboards import build
from leaderboards.figures.pivots import Head, Pivot, PivotRow, pivots
from leaderboards.published.ledger import Published, Quote
from leaderboards.ranks.statistics import Value, summarise
from reports import markdown
from reports.paper.compiling import compile_pdf
from reports.paper.escaping import signed
from reports.paper.latex import escape, render, table

WORDS = {
    *("textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar"),
    *("pm", "times", "cdot", "circ", "mu", "alpha", "beta", "gamma", "lambda", "leq", "geq", "neq"),
    *("rightarrow", "downarrow", "uparrow", "infty", "dagger", "ddagger", "ldots", "texttt"),
    *("ss", "ae", "AE", "o", "O", "l", "L", "i", "j", "r", "v", "c"),
}
"""Commands that escaped text may hold: none of them reads, defines or writes anything."""


def scan(latex):
    """Read LaTeX as TeX would; fail at whatever it would interpret and we did not mean."""
    depth, math, rest = 0, False, latex
    while rest:
        word = re.match(r"\\([A-Za-z]+)", rest)
        symbol = re.match(r"\\[{}$&#%_'`^~\"]", rest)
        if word:
            assert word[1] in WORDS
            rest = rest[word.end() :]
        elif symbol:
            rest = rest[2:]
        else:
            char, rest = rest[0], rest[1:]
            depth += {"{": 1, "}": -1}.get(char, 0)
            math ^= char == "$"
            assert depth >= 0
            assert char not in '\\&#%_~<>|"'
            assert char != "^" or math
            assert char not in "[]*" or latex[latex.index(char) - 1] == "{"
    assert depth == 0
    assert not math


@given(texts())
def test_escaped_text_is_ascii_and_holds_nothing_to_interpret(text):
    escaped = escape(text)
    assert escaped.isascii()
    assert escaped.isprintable()
    scan(escaped)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("epochs_scale=0.03", r"epochs\_scale=0.03"),
        ("100 % & more", r"100 \% \& more"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a^b~c", r"a\textasciicircum{}b\textasciitilde{}c"),
        ("44.9 ± 1.2 ≤ µ", r"44.9 $\pm$ 1.2 $\leq$ $\mu$"),
        ("Kim – “é ñ ï ß”", "Kim -- ``\\'{e} \\~{n} \\\"{\\i} \\ss{}''"),
        ("蒸", r"\texttt{U+84B8}"),
        ("ế", r"\texttt{U+1EBF}"),
        ("e\u0301", r"\'{e}"),
        ("a\x1b[2Jb", "a{[}2Jb"),
        ("", ""),
    ],
)
def test_text_is_shown_as_it_is(text, latex):
    assert escape(text) == latex


def test_marks_that_fonts_join_stay_apart():
    assert escape("a--b ?` ''") == "a-{}-b ?{}` '{}'"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("-0.01", "−0.01"), ("0.3 [-0.31, 1]", "0.3 [−0.31, 1]"), ("(-8.5)", "(−8.5)")],
)
def test_a_negative_number_has_a_minus(text, shown):
    assert signed(text) == shown


@pytest.mark.parametrize("text", ["top-1", "s3-1", "IPC-5", "--by", "a - b", "1-2"])
def test_a_hyphen_stays_one(text):
    assert signed(text) == text


def cell(*numbers, rank=None, ties="", students=1, **changes):
    """Return the cell of sets with these means, and so many students each."""
    values = [
        Value(f"set{seed}", seed, (seed, r), number + (r - (students - 1) / 2) / 10)
        for seed, number in enumerate(numbers)
        for r in range(students)
    ]
    return replace(summarise(values), rank=rank, ties=ties, **changes)


def pivot(rows, heads=None, **changes):
    width = max(len(row.cells) for row in rows)
    heads = heads or tuple(Head("nette", 10**n, n, 0) for n in range(width))
    fields = {"protocol": "hard", "student": "convnet3", "metric": "top1_last", "card": ()}
    return Pivot(
        **fields | {"score": SCORES["top1_last"], "heads": heads, "rows": tuple(rows)} | changes
    )


def row(method, *cells, reference=False, stochastic=True):
    return PivotRow(method, reference, stochastic, cells)


RANKED = pivot(
    [
        row("mgd3", cell(50.0, 51.0, 52.0, rank=1, ties="a"), cell(70.0, 71.0, rank=1, ties="a")),
        row("dit", cell(49.0, 50.0, 51.0, rank=1, ties="ab"), cell(68.0, 69.0, rank=1, ties="a")),
        row("random", cell(40.0, 41.0, 42.0, rank=3, ties="b"), None),
        row("full", cell(90.0, protocol="hard+epochs=9"), cell(90.0), reference=True),
    ]
)


def lines_of(latex):
    """Return the rows of a table by what stands first in them."""
    found = [line for line in latex.splitlines() if line.endswith(r" \\")]
    return {line.split(" & ")[0]: line for line in found}


def test_exactly_what_is_not_separated_from_the_best_is_bold():
    lines = lines_of(table(RANKED))
    bold = {method: re.findall(r"\\textbf\{([^}]*)\}", line) for method, line in lines.items()}
    assert bold["mgd3"] == ["51.0"]
    assert bold["dit"] == ["50.0"]
    assert bold["random"] == bold["full"] == []


def test_a_column_in_which_nothing_is_separated_has_no_bold_and_says_so_by_its_letters():
    lines = lines_of(table(RANKED))
    assert lines["mgd3"].count("textbf") == 1
    assert lines["mgd3"].count(r"\textsuperscript{a}") == 2


def test_rows_have_equally_many_columns():
    lines = lines_of(table(RANKED)).values()
    spans = [
        line.count("&") + 1 + sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
        for line in lines
    ]
    assert set(spans) == {5}


def test_references_stand_below_a_rule_and_other_epochs_have_a_mark():
    latex = table(RANKED)
    assert latex.index("random &") < latex.rindex(r"\midrule") < latex.index("full &")
    assert lines_of(latex)["full"].count(r"$\ddagger$") == 1
    assert r"$\ddagger$: under \texttt{hard+epochs=9}" in latex


def test_another_recipe_has_the_same_mark_in_print_and_on_the_page(record):
    full = record("full", None)
    other = structs.replace(full.protocol, identity="hard+epochs=300")
    boards = build([record(), structs.replace(full, protocol=other)])
    for text in (table(pivots(boards)[0]), escape(markdown.render(boards))):
        assert escape("‡") in text
        assert escape("†") not in text


def test_a_missing_number_is_a_dash_that_no_number_is():
    assert lines_of(table(RANKED))["random"].endswith(r"-- &  \\")


def test_the_caption_says_seeds_and_n():
    caption = table(RANKED)
    assert "2--3 students of 2--3 distilled sets (seeds 0--2)" in caption
    assert "below the rule: 1 student of 1 set" in caption


def test_seeds_with_gaps_are_listed():
    values = [Value("a", 0, (0, 0), 1.0), Value("b", 7, (7, 0), 2.0)]
    assert "(seeds 0, 7)" in table(pivot([row("x", summarise(values))]))


@pytest.mark.parametrize("spread", ["std", "interval"])
def test_a_caption_promises_no_deviation_and_no_interval_where_no_cell_has_one(spread):
    single = table(pivot([row("a", cell(50.0)), row("b", cell(51.0))]), spread)
    assert "Single numbers; n = 1 student of 1 distilled set (seed 0)." in single
    assert "deviation" not in single
    assert "interval" not in single
    one = table(pivot([row("a", cell(50.0)), row("b", cell(51.0, 52.0))]), spread)
    assert "Single numbers" not in one
    assert "sample standard deviation" in one or "interval over distilled sets" in one


def test_a_number_of_images_has_no_deviation_where_all_seeds_gave_one_set():
    same = summarise(Value("one", seed, (), 97.6) for seed in range(3))
    other = summarise(Value(f"{seed}", seed, (), 118.0 + 5 * seed) for seed in range(3))
    fid = replace(pivot([row("kmeans", same), row("random", other)]), score=SCORES["fid"])
    lines = lines_of(table(fid))
    assert lines["kmeans"].endswith(r"98 &  \\")
    assert r"$\pm$\,5" in lines["random"]
    alone = replace(pivot([row("kmeans", same)]), score=SCORES["fid"])
    assert "Single numbers; n = 1 distilled set (seeds 0--2)." in table(alone)


def test_without_ranks_nothing_is_bold_and_the_caption_says_why():
    latex = table(pivot([row("a", cell(1.0)), row("b", cell(2.0))]))
    assert r"\textbf" not in latex
    assert "Not ranked" in latex


def test_a_column_without_ranks_beside_others_is_named_as_such():
    ranked = cell(50.0, 51.0, rank=1, ties="a")
    mixed = pivot([row("a", ranked, cell(60.0)), row("b", ranked, cell(61.0))])
    assert "Columns without letters are not ranked" in table(mixed)
    assert "not ranked" not in table(RANKED)


def test_decimals_are_those_of_the_uncertainty_and_one_for_a_column():
    latex = table(
        pivot(
            [
                row("a", cell(50.0, 54.0, 58.0), cell(50.0, 50.12, 50.24)),
                row("b", cell(40.0, 44.0, 48.0), cell(40.0, 40.12, 40.24)),
            ]
        )
    )
    assert lines_of(latex)["a"].startswith(r"a & 54 & {\scriptsize $\pm$\,4} & 50.12 & ")
    assert r"40.12 & {\scriptsize $\pm$\,0.12}" in lines_of(latex)["b"]


def test_an_interval_stands_in_brackets_with_a_star_where_it_is_over_students():
    one_set = row("a", cell(50.0, students=3))
    sets = row("b", cell(50.0, 51.0, 52.0))
    fixed = row("c", cell(50.0, students=3), stochastic=False)
    lines = lines_of(table(pivot([one_set, sets, fixed]), "interval"))
    assert "{*}" in lines["a"]
    assert "{*}" not in lines["b"] + lines["c"]
    assert re.search(r"51\.00 & \{\\scriptsize \{\[\}48\.52, 53\.48\{\]\}\}", lines["b"])


def quote(source="2505.18963", verdict="not reproduced", half=3.0):
    """Return a printed number, which ours does not reproduce unless that is said."""
    published = Published(
        **{"line": 2, "decimals": 1, "method": "MGD3", "dataset": "nette", "ipc": 1},
        **{"protocol": "hard", "student": "ConvNet-6", "metric": "top1", "value": 39.2},
        **{"std": 1.3, "backbone": "", "source": source, "locator": "Table 1"},
        verified="read",
    )
    return Quote(published, "hard", "read", verdict, 11.8, half, ())


def test_published_numbers_have_a_dagger_and_a_verdict_and_stand_only_where_there_are_any():
    quoted = row("mgd3", cell(51.0, 52.0, quotes=(quote(),)), cell(71.0, 72.0))
    latex = table(pivot([quoted, row("dit", cell(50.0, 51.0), cell(60.0, 61.0))]))
    printed = [line for line in latex.splitlines() if line.startswith(r"\quad printed")]
    assert len(printed) == 1
    assert r"39.2 & {\scriptsize $\pm$\,1.3~$\neq$}" in printed[0]
    assert "arXiv:2505.18963" in latex
    assert "never measured here" in latex
    assert "never measured here" not in table(RANKED)


def test_a_caption_says_how_wide_the_intervals_are_that_let_numbers_pass():
    def told(*quotes):
        rows = [row(f"m{at}", cell(51.0, quotes=(one,))) for at, one in enumerate(quotes)]
        return " ".join(table(pivot([*rows, row("dit", cell(50.0))])).split())

    near, far = (quote(verdict="reproduced", half=half) for half in (1.04, 3.45))
    assert r"intervals of the differences behind $=$ reach 1.0--3.5 points" in told(far, near)
    assert "reach 1.0 points" in told(near, quote(half=9.0))
    assert "either way" not in told(quote(half=9.0))


def test_a_score_that_depends_on_n_says_what_n_is():
    counted = replace(pivot([row("a", cell(50.0))]), score=SCORES["fid"])
    assert "$N$ is the number of distilled images" in " ".join(table(counted).split())
    assert "$N$" not in table(pivot([row("a", cell(50.0))]))


def test_a_score_of_the_packages_own_network_says_that_it_is_no_inceptions():
    own = replace(pivot([row("a", cell(50.0))]), card=(("extractor", "embedded"),))
    assert "its FID is no Inception FID" in " ".join(table(own).split())
    theirs = replace(own, card=(("extractor", "inception-pytorch-fid"),))
    assert "no Inception FID" not in " ".join(table(theirs).split())


def test_more_columns_than_a_page_holds_are_split_between_sets():
    names = ("nette", "woof", "fruit")
    heads = tuple(Head(name, ipc, 0, 0) for name in names for ipc in (1, 10, 50))
    latex = table(pivot([row("a", *(cell(50.0 + n, 51.0 + n) for n in range(9)))], heads))
    floats = latex.split(r"\end{table")[:-1]
    assert len(floats) == 2
    assert [name for name in names if f"{{{name}}}" in floats[0]] == ["nette", "woof"]
    assert "(continued)" in floats[1]


def test_more_rows_than_a_page_holds_are_split_and_none_is_lost():
    rows = [row(f"method{number}", cell(50.0, 51.0)) for number in range(90)]
    latex = table(pivot(rows, protocol="a. b"))
    assert latex.count(r"\toprule") == 3
    assert latex.count(r"under \texttt{a. b} with \texttt{convnet3} (continued).") == 2
    assert all(f"method{number} &" in latex for number in range(90))
    assert len(set(re.findall(r"\\label\{([^}]*)\}", latex))) == 3


def test_boards_become_tables_with_labels_of_their_own(told):
    latex = render(told.material.boards)
    labels = re.findall(r"\\label\{([^}]*)\}", latex)
    assert labels
    assert len(labels) == len(set(labels))
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == len(labels)
    assert r"\usepackage{booktabs}" in latex.splitlines()[0]
    assert render([]) == ""


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex")
def test_the_worst_names_compile_and_read_no_file(tmp_path):
    from pypdf import PdfReader

    rows = [
        row(text, cell(50.0, 51.0, rank=1, ties="a", quotes=(quote(text),))) for text in HOSTILE
    ]
    tables = [
        table(pivot(rows, protocol=text, student=text, card=(("extractor", text),)), spread, "x")
        for text, spread in zip(HOSTILE, ["std", "interval"] * len(HOSTILE), strict=False)
    ]
    names = [f"{escape(text)}\n\n\\texttt{{{escape(text)}}}" for text in HOSTILE]
    floats = "\n\\clearpage\n".join(tables)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
        + "\n\n".join(names)
        + f"\n\\clearpage\n{floats}\n\\end{{document}}\n",
        encoding="ascii",
    )
    pdf = compile_pdf(tmp_path)
    assert pdf is not None
    shown = "".join(page.extract_text() for page in PdfReader(pdf).pages)
    assert "root:" not in shown
    assert "passwd" in shown
