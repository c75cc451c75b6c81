"""Boards made by hand: means and letters are given, ranks follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostile import HOSTILE

from bench.records import Described, Record
from bench.scores import SCORES
from leaderboards import Board, Cell, Column, Row
from leaderboards.figures.evidence import Evidence
from leaderboards.headings import Name
from leaderboards.ranks.placing import Told
from leaderboards.ranks.statistics import Value
from reports.material import Material
from reports.words.findings import findings
from reports.words.sentences import Code, Sentence, text_of

WORST = (*("".join(HOSTILE[part::3]) for part in range(3)), "+1", "@x", "a|b")
"""Texts that are everything at once, and such as begin like the fields of a label."""

SEVEN = ("mgd3", "igd", "dap", "s3", "dit", "ims3", "random")

OFFSETS = (-0.5, 0.5, 0.0, -0.25, 0.25)
"""What the seeds do to all methods alike."""


def cell(mean: float, sets: int = 3, **changes: Any) -> Cell:
    """Return a cell of one student for each of so many sets."""
    offsets = OFFSETS[:sets] if sets > 1 else (0.0,)
    shift = sum(offsets) / len(offsets)
    values = tuple(
        Value(f"set{seed}", seed, (seed, 0), mean + offset - shift)
        for seed, offset in enumerate(offsets)
    )
    found = {
        **{"mean": mean, "std": 0.5, "n_sets": sets, "n_students": sets, "low": mean - 1},
        **{"high": mean + 1, "over": "sets", "std_sets": None, "std_students": None},
    }
    return Cell(**{**found, "values": values, **changes})


def column(metric: str = "top1_last", **changes: Any) -> Column:
    score = SCORES[metric]
    group = {"accuracy": "hard", "images": "images", "cost": "cost"}[score.group]
    student = "convnet3" if group == "hard" else ""
    protocol = {"hard": "hard/minimax", "images": "fidelity", "cost": ""}[group]
    found = {
        **{"group": group, "protocol": protocol, "student": student, "metric": metric},
        **{"distinction": "", "card": (), "score": score, "told": None},
    }
    return Column(**{**found, **changes})


def board(
    means: Mapping[str, float],
    letters: Mapping[str, str] | str = "",
    *,
    resolvable: float | None = 7.7,
    sets: int = 3,
    references: Mapping[str, float] = {},
    dataset: str = "shapewoof",
    ipc: int | None = 10,
    metric: str = "top1_last",
    **of_column: Any,
) -> Board:
    """Return a board of one column; without letters nothing is ranked, one letter is for all."""
    if isinstance(letters, str) and letters:
        letters = dict.fromkeys(means, letters)
    letters = letters or {}
    sign = 1 if SCORES[metric].better == "higher" else -1
    rows = [
        row(
            name,
            cell(
                mean,
                sets,
                ties=letters.get(name, ""),
                rank=1 + sum(_beaten(name, other, means, letters, sign) for other in letters)
                if name in letters
                else None,
            ),
        )
        for name, mean in means.items()
    ]
    rows += [row(name, cell(mean, 1), reference=True) for name, mean in references.items()]
    told = Told(len(letters), sets, "sets", resolvable) if letters else Told(0, 0, "", None)
    columns = (column(metric, **{"told": told, **of_column}),)
    revisions = (f"{dataset}train", f"{dataset}test")
    return Board(dataset, "drawn", "drawn", *revisions, ipc, columns, tuple(rows))


def _beaten(
    name: str, other: str, means: Mapping[str, float], letters: Mapping[str, str], sign: int
) -> bool:
    return not set(letters[name]) & set(letters[other]) and sign * (means[other] - means[name]) > 0


def row(name: str, *cells: Cell | None, reference: bool = False, **changes: Any) -> Row:
    found = {"name": Name(name, name, ""), "stochastic": True, "remark": ""}
    return Row(method=name, reference=reference, cells=cells, **{**found, **changes})


def material(*boards: Board, records: Sequence[Record] = (), **changes: Any) -> Material:
    """Return the material of boards; figures behind it are computed, or given by name."""
    of_fields = ("standings", "architectures", "failures")
    fields = {name: changes.pop(name, ()) for name in of_fields}
    made = Material(boards, Evidence(tuple(records)), **fields, colours={}, folder=None)
    made.__dict__.update(changes)
    return made


def described(label: str, identity: str = "", **changes: Any) -> Described:
    return Described(label.partition("+")[0], label, identity or label, {}, {}, **changes)


def texts(sentences: Sequence[Sentence]) -> list[str]:
    """Return sentences as they are read, names between backticks."""
    return [text_of(sentence) for sentence in sentences]


def names(sentence: Sentence) -> list[str]:
    """Return the names in a sentence."""
    return [part.text for part in sentence if isinstance(part, Code)]


def said(what: Material, *kinds: str, further: bool | None = None) -> list[str]:
    return texts(
        [
            finding.sentence
            for finding in findings(what)
            if (not kinds or finding.kind in kinds)
            and (further is None or finding.further == further)
        ]
    )


def seven(letters: str, **changes) -> Board:
    """Return a board of seven methods, each 2 points below the one before it."""
    means = {name: 40.0 - 2 * place for place, name in enumerate(SEVEN)}
    return board(means, dict(zip(SEVEN, letters.split(), strict=True)), **changes)


def with_columns(made: Board, *columns, cells) -> Board:
    """Return the board with more columns; `cells` are those of a row by its method."""
    rows = tuple(replace(r, cells=(*r.cells, *cells[r.method])) for r in made.rows)
    return replace(made, columns=(*made.columns, *columns), rows=rows)


def words(sentences: Sequence[Sentence]) -> list[list[str]]:
    """Return what sentences are without their names, none of which is empty."""
    assert all(name for sentence in sentences for name in names(sentence))
    return [[part for part in one if not isinstance(part, Code)] for one in sentences]
