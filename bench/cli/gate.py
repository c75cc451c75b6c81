"""`bench check`: whether a run is worse than a baseline, or not the same."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import OUT, listed, number
from bench.errors import BenchError, UsageError, unknown_name

if TYPE_CHECKING:
    from bench.records import Record
    from leaderboards.gate.baseline_file import Baseline
    from reports.gate_findings import Finding

ANNOTATIONS = ("auto", "github", "none")


def check(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    against: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Of `bench baseline`.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Of one machine: every value must be the same.")
    ] = False,
    margin: Annotated[
        float | None,
        typer.Option(parser=number, metavar="POINTS", help="In place of that of the baseline."),
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option(metavar="cells,undecidable", help="Fail on these, too.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, whatever the verdict.")
    ] = None,
    annotations: Annotated[str, typer.Option(help=", ".join(ANNOTATIONS))] = "auto",
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append the verdict as Markdown.")
    ] = None,
) -> int:
    """Hold a run against a baseline: 0 no regression, 1 a regression, 2 not comparable."""
    from reports.gate_findings import FAIL_ON, fails, of_changes, of_error

    if against is None:
        raise UsageError("`bench check` needs what to check against: `--baseline FILE`.")
    wanted = listed(fail_on) or ()
    for name in wanted:
        if name not in FAIL_ON:
            raise unknown_name("value", name, FAIL_ON, of="--fail-on")
    if annotations not in ANNOTATIONS:
        raise unknown_name("value", annotations, ANNOTATIONS, of="--annotations")
    if exact and (margin is not None or wanted):
        raise UsageError("`--exact` allows no difference: leave `--margin` and `--fail-on` out.")
    from leaderboards.gate.checking import Incomparable

    outlets = _Outlets(junit, summary, _for_github(annotations))
    try:
        answer = _answer(folder, against, exact=exact, margin=margin, fail_on=wanted)
    except BenchError as error:
        found = of_changes(error.changes) if isinstance(error, Incomparable) else []
        outlets.write(_refused(str(error), found or of_error(str(error))))
        # A record that cannot be read is no regression.
        raise error if isinstance(error, UsageError) else UsageError(str(error)) from error
    typer.echo(answer.text, nl=False)
    outlets.write(answer)
    return 1 if fails(answer.findings) else 0


@dataclass(frozen=True)
class _Answer:
    """A verdict in all its forms."""

    text: str
    markdown: str
    findings: list[Finding]
    properties: Mapping[str, str]


@dataclass(frozen=True)
class _Outlets:
    """Where a verdict goes besides the terminal."""

    junit: Path | None
    summary: Path | None
    github: bool

    def write(self, answer: _Answer) -> None:
        """Write what was asked for; UsageError if a file cannot be written."""
        import reports.annotations
        import reports.junit

        if self.github:
            for line in reports.annotations.render(answer.findings):
                typer.echo(line)
        try:
            if self.junit is not None:
                self.junit.parent.mkdir(parents=True, exist_ok=True)
                self.junit.write_bytes(reports.junit.render(answer.findings, answer.properties))
            if self.summary is not None:
                with self.summary.open("a", encoding="utf-8") as page:
                    page.write(answer.markdown)
        except OSError as error:
            raise UsageError(
                f"{error.filename!r} cannot be written ({error.strerror}): name another file."
            ) from error


def _answer(
    folder: Path, path: Path, *, exact: bool, margin: float | None, fail_on: Collection[str]
) -> _Answer:
    import reports.gate
    from bench.store import Store
    from leaderboards.gate import baseline_file, checking
    from leaderboards.gate.exact import differing
    from reports.gate_findings import of_check, of_exact

    held = baseline_file.read(path)
    records = list(Store.existing(folder).records())
    about = _about(held, records)
    properties = {"baseline": str(path), "baseline commit": held.provenance.commit}
    if exact:
        findings = of_exact(held.cells, differing(held, records))
        changed = [finding for finding in findings if finding.status == "failed"]
        title = f"not the same, bit by bit, in {len(changed)} of {len(findings)} cells"
        if not changed:
            title = f"all values and sets are the same, bit by bit (cells: {len(findings)})"
        text = reports.gate.listed(title, changed, "text")
        page = reports.gate.listed(title, changed, "markdown")
        return _Answer(f"{text}{about}\n", page, findings, properties)
    checked = checking.check(held, records, margin)
    power = checked.promise.power
    properties |= {
        "level": f"{checked.level:g}",
        "margin": f"{checked.margin:g}",
        "power": "" if power is None else f"{power:.3f} against {checked.against:g}",
    }
    text = f"{reports.gate.text(checked)}{about}\n"
    return _Answer(text, reports.gate.markdown(checked), of_check(checked, fail_on), properties)


def _refused(sentence: str, findings: list[Finding]) -> _Answer:
    import reports.gate

    page = reports.gate.listed(sentence, findings, "markdown")
    return _Answer("", page, findings, {})


def _about(held: Baseline, records: list[Record]) -> str:
    """Return which code gave the baseline and which the run, and whether on another machine."""
    from leaderboards.gate.baseline_file import machine_of

    made = held.provenance
    commits = sorted({record.provenance.commit[:12] for record in records} - {""})
    now = ", ".join(commits) or "no checkout"
    then = ", ".join(one[:12] for one in made.commit.split("; ")) or "no checkout"
    elsewhere = any(machine_of(record) not in made.machines for record in records)
    noise = "; another machine or other libraries, whose rounding is noise" if elsewhere else ""
    return f"baseline of {made.date}, commit {then}; records of commit {now}{noise}"


def _for_github(annotations: str) -> bool:
    return annotations == "github" or (
        annotations == "auto" and os.environ.get("GITHUB_ACTIONS") == "true"
    )
