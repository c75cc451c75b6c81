"""The check of a run as JUnit XML, which most services for continuous integration read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from reports.gate_findings import Finding
from reports.plain import plain

SUITE = "bench check"


def render(findings: Sequence[Finding], properties: Mapping[str, str]) -> bytes:
    """Return one test suite with a test case per finding.

    A failed finding is a failure and a refused one an error; what is undecidable was skipped. A
    regression that does not fail the check is told in the output of its case.
    """
    suite = ET.Element("testsuite", {"name": SUITE, "time": "0", **_counts(findings)})
    if properties:
        held = ET.SubElement(suite, "properties")
        for name, value in properties.items():
            ET.SubElement(held, "property", name=name, value=plain(value))
    for finding in findings:
        _case(suite, finding)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    counts = {
        "tests": len(findings),
        "failures": sum(one.status == "failed" for one in findings),
        "errors": sum(one.status == "refused" for one in findings),
        "skipped": sum(_skipped(one) for one in findings),
    }
    return {name: str(count) for name, count in counts.items()}


def _case(suite: ET.Element, finding: Finding) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=plain(finding.group), name=plain(finding.name), time="0"
    )
    message = plain(finding.message)
    if finding.status == "failed":
        ET.SubElement(case, "failure", type=finding.kind, message=message)
    elif finding.status == "refused":
        ET.SubElement(case, "error", type=finding.kind, message=message)
    elif _skipped(finding):
        ET.SubElement(case, "skipped", message=message)
    else:
        ET.SubElement(case, "system-out").text = message


def _skipped(finding: Finding) -> bool:
    return finding.kind == "undecidable" and finding.status in ("warned", "open")
