"""What stands below a printed leaderboard: how to read it, and what has to be said of its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bench.scores import CARD_WORDS
from leaderboards import Board, Column, Row
from leaderboards.headings import Name
from reports import ranking
from reports.layout import shown
from reports.plain import plain

DRAWN = "drawn"
"""Split id of the procedural sets."""

BESIDE = {"protocol": "with", "student": "under"}
"""The word that joins a protocol with its students, and a student with its protocols."""

FASTAI = "fastai-v2"
"""What the split ids of fastai's archives begin with."""

NETWORKS = {
    "embedded": (
        "embedded is a network of the drawn sets that come with the package: its FID is no "
        "Inception FID and compares with none that is published"
    ),
    "resnet18-imagenet": (
        "resnet18-imagenet was trained with the labels of ImageNet, and so knows the classes of "
        "sets that are taken from it"
    ),
}
"""What has to be said of networks whose features are compared."""


def legend(boards: Iterable[Board], all_scores: bool = False) -> list[str]:
    """Return a line on every kind of column, without what the boards have no column for."""
    boards = list(boards)
    columns = [board.columns[place] for board in boards for place in shown(board, all_scores)]
    metrics = {column.metric for column in columns}
    hidden = dict.fromkeys(
        column.score.title
        for board in boards
        for column in board.columns
        if not (all_scores or column.score.main)
    )
    lines = (
        "; ".join(_accuracies(columns)),
        *ranking.legend(boards),
        "; ".join(_images(metrics)),
        "; ".join(_costs(metrics)),
        f"`bench leaderboard --all-scores` adds {', '.join(map(plain, hidden))}" if hidden else "",
    )
    return [line for line in lines if line]


def notes(board: Board, all_scores: bool = False) -> list[str]:
    """Return what has to be said of the set, features, ranks, recipes, methods and teachers."""
    columns = [board.columns[place] for place in shown(board, all_scores)]
    return [
        *about_set(board),
        *_of_features(columns),
        *ranking.guessed(board),
        *ranking.notes(board),
        *_of_recipes(columns),
        *(note for row in board.rows for note in _of_a_method(row)),
        *map(plain, board.remarks),
    ]


def about_set(board: Board) -> Iterator[str]:
    """Yield what has to be said of the images of a set."""
    if board.train_split == DRAWN:
        yield (
            f"{plain(board.dataset)} is drawn, not photographed: its figures are those of this set "
            "only and compare with none that are published"
        )
    if board.train_split.startswith(FASTAI):
        yield (
            f"{plain(board.dataset)} is the split {plain(board.train_split)} of fastai; the "
            "published numbers of most papers and protocols are of ILSVRC2012's images of these "
            "classes, other ones to train on and to test on: this split is not theirs"
        )


def _accuracies(columns: Sequence[Column]) -> Iterator[str]:
    metrics = {column.metric for column in columns}
    if "top1_last" in metrics:
        yield "top-1 is the accuracy after the last epoch, which is the one that ranks"
    if "top1_best" in metrics:
        yield "best epoch is chosen on the test set and never ranked"
    if any(column.group != "cost" for column in columns):
        alone = any(column.group == "images" for column in columns)
        yield f"mean ± sample std over n = students/sets{', or sets without students' * alone}"


def _images(metrics: set[str]) -> Iterator[str]:
    if "fid" in metrics:
        yield "FID grows as images get fewer, so that it compares at equal numbers only"
    if "fid_extrapolated" in metrics:
        yield (
            "to infinity: on a line in 1/N, which is still too high where the images are far "
            "fewer than the features"
        )
    if "kid" in metrics:
        yield "KID has no such bias for independent images; balanced sets come out lower"
    if "embedding_l2" in metrics:
        yield "embedding l2: between the mean features of real and distilled images"


def _costs(metrics: set[str]) -> Iterator[str]:
    if "seconds" in metrics:
        yield "cost: seconds without shared artefacts"
    if "forwards" in metrics:
        yield "forwards: passes of the generator's network, a backward pass counts as two"
    if "stored_bytes" in metrics:
        yield "stored: images + labels + teacher, what others need to train on the set"


def _of_features(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the cards of every protocol and network that compares images, in words."""
    grouped: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for column in columns:
        if column.group == "images" and column.card:
            grouped[column.protocol, column.facts.get("extractor", "")].append(column)
    for (protocol, network), members in grouped.items():
        yield plain(f"{protocol}: {'; '.join(_card_in_words(members))}")
        if network in NETWORKS:
            yield NETWORKS[network]
        if len({column.facts.get("distilled") for column in members}) > 1:
            yield plain(
                f"{protocol}: methods with another number of images stand in columns of their own"
            )


def _card_in_words(columns: Sequence[Column]) -> Iterator[str]:
    """Yield every fact with its value; the titles of the scores too, where the values differ."""
    names = dict.fromkeys([*CARD_WORDS, *(name for column in columns for name in column.facts)])
    for name in names:
        titles: dict[str, dict[str, None]] = defaultdict(dict)
        for column in columns:
            if name in column.facts:
                titles[column.facts[name]][column.score.title] = None
        of_all = len(titles) == 1 and all(name in column.facts for column in columns)
        values = [
            value if of_all else f"{value} ({', '.join(scores)})"
            for value, scores in titles.items()
        ]
        if values:
            yield f"{CARD_WORDS.get(name, name)} {', '.join(values)}"


def _of_recipes(columns: Sequence[Column]) -> Iterator[str]:
    """Yield what protocols and students were run as, where headings do not say it.

    A heading of several meanings has each with its students, or with its protocols: fields that
    were not asked for can be those of the student.
    """
    found: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    for column in columns:
        for what, heading, name, other in _parts(column):
            if name.identity != name.label and f"({name.identity}" not in heading:
                meanings = found.setdefault((what, heading), {})
                meanings.setdefault(name.identity, {})[other] = None
    for (what, heading), meanings in found.items():
        for identity, others in meanings.items():
            named = ", ".join(filter(None, others)) if len(meanings) > 1 else ""
            where = f" {BESIDE[what]} {named}" if named else ""
            yield plain(f"{what} {heading}{where} is {identity}")


def _parts(column: Column) -> Iterator[tuple[str, str, Name, str]]:
    """Yield (kind, heading, name, heading of the other) of the protocol and student of a column."""
    if column.group != "cost":
        yield "protocol", column.protocol, column.protocol_name, column.student
        yield "student", column.student, column.student_name, column.protocol


def _of_a_method(row: Row) -> Iterator[str]:
    name = plain(row.method)
    others = {cell.protocol for cell in row.cells if cell and cell.protocol}
    if others:
        yield f"‡ method {name} has no IPC and was run under {plain(', '.join(sorted(others)))}"
    if row.name.identity != row.name.label and f"({row.name.identity}" not in row.method:
        yield f"method {name} is {plain(row.name.identity)}"
    if row.remark:
        yield f"method {name}: {plain(row.remark)}"
    if row.name.origin:
        yield f"method {name} comes from {plain(row.name.origin)}"
