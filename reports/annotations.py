"""Annotations of a pull request, as GitHub's workflow commands on standard output.

Source: GitHub's "Workflow commands for GitHub Actions"; actions/toolkit, packages/core/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterable

from reports.gate_findings import Finding
from reports.plain import plain

COMMANDS = {"failed": "error", "refused": "error", "warned": "warning"}
MOST = 10
"""Of each kind; GitHub shows no more of one step."""


def render(findings: Iterable[Finding]) -> list[str]:
    """Return a line for all that failed, was refused or warns, and a notice for a mean that passed.

    Nothing in a finding can end its line or begin another command.
    """
    lines, counts = [], dict.fromkeys(("error", "warning", "notice"), 0)
    for finding in findings:
        command = COMMANDS.get(finding.status)
        if finding.status == "passed" and finding.group == "gate":
            command = "notice"
        if command is None or counts[command] == MOST:
            continue
        counts[command] += 1
        title = _property(f"Accuracy gate: {plain(finding.name)}")
        lines.append(f"::{command} title={title}::{_data(plain(finding.message))}")
    return lines


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
