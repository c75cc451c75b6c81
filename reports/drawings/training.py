"""Accuracy on the test set over the epochs of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboards import Board, Column
from leaderboards.figures.curves import Curve, curves
from reports.drawings import wording
from reports.drawings.chart import Axis, Chart, Drawing, Line, Mark
from reports.drawings.slugs import slug
from reports.drawings.ticks import padded

if TYPE_CHECKING:
    from reports.material import Material


def training(material: Material) -> list[Drawing]:
    """Return a chart for every set, IPC, protocol and student whose tests have two epochs or more.

    The dot at the end of a line is the accuracy that ranks.
    """
    taken: set[str] = set()
    return [
        _chart(board, column, shown, material, taken)
        for board in material.boards
        for column in board.columns
        if column.metric == "top1_last" and (shown := _shown(board, column, material))
    ]


def _shown(board: Board, column: Column, material: Material) -> list[Curve]:
    found = curves(board, column, material.evidence)
    return [curve for curve in found if len(curve.epochs) > 1]


def _chart(
    board: Board, column: Column, found: list[Curve], material: Material, taken: set[str]
) -> Chart:
    parts = (
        *wording.set_parts(board, material.boards),
        *wording.recipe_parts(material.boards, column.protocol, column.student),
    )
    references = wording.references(board)
    own = [curve for curve in found if (curve.method, curve.name) not in references]
    heights = [value for curve in own for value in _heights(curve)]
    shown = [curve for curve in found if wording.within_reach(curve.last, heights or [curve.last])]
    beyond = [(curve.method, curve.last) for curve in found if curve not in shown]
    epochs = [epoch for curve in shown for epoch in (*curve.epochs, curve.best_epoch)]
    return Chart(
        slug=slug("training", *parts, taken=taken),
        title=f"Accuracy during training on {wording.place(board.dataset, board.ipc)}"
        + wording.recipe(material.boards, column.protocol, column.student),
        note=" ".join([_note(shown), *wording.left_out(beyond)]),
        x=Axis("epoch", *padded(epochs)),
        y=Axis(
            "top-1 accuracy, %",
            *wording.reach((h for curve in shown for h in _heights(curve)), wording.ACCURACY),
        ),
        lines=tuple(
            line
            for curve in shown
            for line in _lines(curve, material, (curve.method, curve.name) in references)
        ),
    )


def _heights(curve: Curve) -> tuple[float, ...]:
    return (*curve.mean, curve.last, curve.best)


def _lines(curve: Curve, material: Material, reference: bool) -> tuple[Line, Line]:
    """Return the mean over students, and the ring at the mean of each one's best epoch."""
    name = wording.cut(curve.method)
    colour = -1 if reference else material.colours.get(curve.name, -1)
    passed = [
        Mark(epoch, mean, shape="none")
        for epoch, mean in zip(curve.epochs[:-1], curve.mean[:-1], strict=True)
    ]
    last = Mark(curve.epochs[-1], curve.last, text=f"{name}: last epoch {curve.last:.1f} %")
    text = f"{name}: best epoch {curve.best:.1f} %, chosen on the test set"
    ring = Mark(curve.best_epoch, curve.best, shape="ring", text=text)
    return (
        Line(name, (*passed, last), colour, dashed=reference),
        Line(name, (ring,), colour, joined=False, labelled=False),
    )


def _note(shown: list[Curve]) -> str:
    counts = sorted({curve.n for curve in shown})
    students = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    mean = f"Mean of {students} students" if counts != [1] else "One student"
    return (
        f"{mean} a method; no intervals are drawn. Dot: the last epoch, which ranks. Ring: the "
        "mean of each student's best epoch, which is chosen on the test set and never ranked, at "
        "the median of these epochs, the lower of two."
    )
