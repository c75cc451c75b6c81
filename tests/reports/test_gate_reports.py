"""What is written about a check: text, a summary page, JUnit XML and annotations."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from leaderboards.gate import checking
from leaderboards.gate.baseline_file import from_records
from leaderboards.gate.exact import differing
from reports import annotations, junit
from reports import gate as page
from reports.gate_findings import Finding, fails, of_changes, of_check, of_error, of_exact

NOISE = (0.3, -0.9, 1.1, -0.2, 0.4)
HOSTILE = "<b>\x1b[31m::error::\r\n%|`x`"


@pytest.fixture
def run(record):
    def build(shift=0.0, method="random", scale=1.0):
        return [
            record(method, at=(s, 0), last=30 + scale * value + shift)
            for s, value in enumerate(NOISE)
        ]

    return build


@pytest.fixture
def checked(run):
    """Return checks of a run that is moved by a number of points."""
    return lambda *args: checking.check(from_records(run()), run(*args))


def of(findings):
    return {finding.status for finding in findings}


def test_a_regression_of_the_mean_always_fails_and_of_a_cell_on_request(checked):
    worse = checked(-9.0)
    mean, cell = of_check(worse)
    assert (mean.status, cell.status) == ("failed", "warned")
    assert of(of_check(worse, ["cells"])) == {"failed"}
    assert fails([mean])
    assert not fails([cell])


def test_what_is_undecidable_fails_on_request_alone(checked):
    wide = checked(0.0, "random", 9.0)
    assert wide.primary.outcome == "undecidable"
    assert not fails(of_check(wide, ["cells"]))
    assert [one.status for one in of_check(wide, ["undecidable"])] == ["failed", "open"]


def test_without_accuracies_the_cells_decide(record):
    images = {"protocol": None, "student": None, "student_seed": None, "stochastic": False}
    was = replace(record(at=(0, 0)), scores={"fid": 100.0}, **images)
    now = replace(was, scores={"fid": 200.0})
    found = of_check(checking.check(from_records([was]), [now]))
    assert [(one.status, one.kind) for one in found] == [("failed", "regression")]


def test_the_text_holds_the_terms_and_a_line_for_every_cell(checked):
    text = page.text(checked(-9.0))
    first, terms, *_ = text.splitlines()
    assert first.startswith("regression: mean difference -9.00 points over 1 cell, 90% interval ")
    for words in (
        "level 0.05",
        "margin 2 points",
        "power ",
        "against 5 points",
        "5 distilled sets",
    ):
        assert words in terms
    assert "Holm" in terms
    (row,) = [line for line in text.splitlines() if line.startswith("regression  ")]
    assert "on nette IPC 10 hard convnet3 top1_last" in text.splitlines()
    *numbers, p, method = row.split()
    assert (numbers, method) == (["regression", "30.1", "21.1", "-9.0", "2.0"], "random")
    assert float(p) < 1e-6


def test_the_table_fits_a_narrow_terminal_and_says_only_once_where_cells_were_measured(record):
    method, protocol = "dit+scheduler=ddim,steps=20", "hard+epochs_scale=0.03,evaluations=1"
    student = "convnet3+width=16"
    run = [
        record(name, at=(s, 0), last=30 + s, protocol=protocol, student=student, dataset=dataset)
        for dataset in ("shapenette", "shapewoof")
        for name in ("random", "kmeans", method)
        for s in range(3)
    ]
    lines = page.text(checking.check(from_records(run), run)).splitlines()
    table = lines[[line.startswith("verdict") for line in lines].index(True) :]
    assert max(map(len, table)) <= 80
    assert sum(line.startswith("on ") for line in table) == 2
    assert sum(protocol in line for line in table) == 2
    assert [line.split()[-1] for line in table if line.startswith("unchanged")] == 2 * [
        *(method, "kmeans", "random")
    ]


def test_the_text_says_where_a_change_lies_and_what_was_left_out(run):
    baseline = from_records(run())
    assert "training or measuring" in page.text(checking.check(baseline, run(1.0)))
    moved = [replace(one, distilled="other") if one.seed else one for one in run()]
    text = page.text(checking.check(baseline, [*moved, *run(method="dit")]))
    assert "4 of 5 distilled sets differ" in text
    assert "not in the baseline and not compared: 2 (nette IPC 10 dit" in text


def test_a_baseline_of_one_set_promises_the_exact_check_only(record):
    baseline = from_records([record()])
    said = page.promised(baseline, checking.promise(baseline))
    assert any("--exact" in sentence for sentence in said)
    assert not any("power" in sentence for sentence in said)


def test_a_baseline_names_the_cells_that_leave_all_others_with_fewer_sets(record):
    run = [record(at=(s, 0)) for s in range(3)] + [record("dit", at=(s, 0)) for s in range(2)]
    baseline = from_records(run)
    said = page.promised(baseline, checking.promise(baseline))
    assert any("nette IPC 10 dit hard convnet3 top1_last has the fewest" in one for one in said)


def test_the_sum_of_both_error_rates_is_no_bound(checked):
    assert "at about 0.1 in all where cells vary alike" in page.text(checked(0.0))


JUNIT = {
    "testsuites": set(),
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"message"},
    "system-out": set(),
}
"""Elements and attributes of the schema that Jenkins reads, as far as they are used."""


def test_the_xml_is_of_the_known_elements_and_attributes_only(checked, run):
    findings = [
        *of_check(checked(-9.0)),
        *of_check(checked(0.0, "random", 9.0)),
        *of_error("could not be read"),
    ]
    root = ET.fromstring(junit.render(findings, {"level": "0.05"}))
    assert {element.tag: set(element.attrib) for element in root.iter()} == JUNIT


def test_the_xml_counts_what_it_holds(checked):
    for shift, scale, fail_on, failures, skipped in (
        (0.0, 1.0, (), 0, 0),
        (-9.0, 1.0, (), 1, 0),
        (-9.0, 1.0, ("cells",), 2, 0),
        (0.0, 9.0, (), 0, 2),
        (0.0, 9.0, ("undecidable",), 1, 1),
    ):
        findings = of_check(checked(shift, "random", scale), fail_on)
        root = ET.fromstring(junit.render(findings, {"level": "0.05"}))
        (suite,) = root.findall("testsuite")
        cases = suite.findall("testcase")
        assert root.tag == "testsuites"
        assert int(suite.get("tests")) == len(cases) == 2
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == failures
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped")) == skipped
        assert int(suite.get("errors")) == len(suite.findall("testcase/error")) == 0
        assert [p.attrib for p in suite.iter("property")] == [{"name": "level", "value": "0.05"}]
        assert [case.get("classname") for case in cases] == ["gate", "gate.nette"]
        assert all(len(case) == 1 for case in cases)


def test_what_was_refused_is_an_error_and_what_is_not_the_same_a_failure(run):
    baseline = from_records(run())
    changes = checking.changes(baseline, run()[:3])
    root = ET.fromstring(junit.render(of_changes(changes), {}))
    errors = list(root.iter("error"))
    assert len(errors) == 2  # top1_last and top1_best
    for error in errors:
        assert error.get("type") == "incomparable"
        assert "without (3, 0), (4, 0)" in error.get("message")
    moved = [replace(one, distilled="x") for one in run()]
    findings = of_exact(baseline.cells, differing(baseline, moved))
    assert [one.status for one in findings] == ["failed", "failed"]
    assert all(
        one.get("type") == "changed"
        for one in ET.fromstring(junit.render(findings, {})).iter("failure")
    )
    assert of(of_exact(baseline.cells, ())) == {"passed"}


def test_names_of_others_break_neither_xml_nor_page_nor_annotations(record):
    long = " ".join(["::error::"] * 20)
    hostile = [
        record(HOSTILE, at=(s, 0), dataset=HOSTILE, protocol=long, student=long) for s in range(3)
    ]
    worse = [
        replace(one, scores={"top1_last": 1.0 + one.seed / 9, "top1_best": 1}) for one in hostile
    ]
    checked = checking.check(from_records(hostile), worse)
    findings = [*of_check(checked, ["cells"]), *of_error(HOSTILE)]
    root = ET.fromstring(junit.render(findings, {"baseline": HOSTILE}))
    assert len(list(root.iter("testcase"))) == 3
    lines = annotations.render(findings)
    assert len(lines) == 3
    for line in lines:
        command, _, _ = line[2:].partition(" title=")
        assert (line[:2], command) == ("::", "error")
        assert not any(character in line for character in "\r\n\x1b")
        head = line.partition(" title=")[2].partition("::")[0]
        assert head.startswith("Accuracy gate%3A")
        assert ":" not in head
    for text in (page.text(checked), page.markdown(checked)):
        assert "\x1b" not in text
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "<b>" not in page.markdown(checked)


def test_annotations_are_errors_warnings_and_one_notice(checked):
    kinds = [line.split(" ")[0] for line in annotations.render(of_check(checked(-9.0)))]
    assert kinds == ["::error", "::warning"]
    assert [line.split(" ")[0] for line in annotations.render(of_check(checked(0.0)))] == [
        "::notice"
    ]
    wide = annotations.render(of_check(checked(0.0, "random", 9.0)))
    assert [line.split(" ")[0] for line in wide] == ["::warning"]


def test_percent_signs_of_messages_are_escaped():
    (line,) = annotations.render([Finding("gate", "a,b", "failed", "regression", "90% of it: x")])
    assert line == "::error title=Accuracy gate%3A a%2Cb::90%25 of it: x"


def test_a_flood_of_changes_is_cut_at_what_is_shown():
    many = [Finding("gate", str(n), "refused", "incomparable", "x") for n in range(40)]
    assert len(annotations.render(many)) == 10
    assert len(list(ET.fromstring(junit.render(many, {})).iter("error"))) == 40


def test_the_summary_is_a_table_of_as_many_cells_as_headings(checked):
    lines = page.markdown(checked(-9.0)).splitlines()
    assert lines[0] == "### Accuracy gate: regression"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 3
    assert {line.replace(r"\|", "").count("|") for line in table} == {len(page.HEADINGS) + 1}
