"""The classes of `shapewoof`: ten animal faces, told apart by ears, muzzle and markings.

All heads, eyes and colours have the same distributions. Within a kind, ears and markings vary; each
plan is a variety of its kind, and some ears are seen on several kinds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.data.shapes.colours import FUR
from bench.data.shapes.forms import above, bar, below, box, disc, ellipse, polygon, union
from bench.data.shapes.head import (
    Head,
    draw_head,
    eyes,
    hanging_ears,
    masked,
    mouth,
    muzzle,
    nose,
    patches,
    pointed_ears,
    round_ears,
    skull,
)  # fmt: skip
from bench.data.shapes.pen import Pen
from bench.data.shapes.scene import Plan, Setting

if TYPE_CHECKING:
    from bench.data.shapes.draws import Numbers


def bear(pen: Pen, marked: bool) -> None:
    """Draw small round ears and a round muzzle; marked: a blaze on the forehead."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    inner = p.second if marked else p.main
    round_ears(head, head.wide * 0.72, d.uniform(-0.45, -0.3), d.uniform(0.18, 0.26), p.main, inner)
    skull(head)
    if marked:
        blaze = ellipse(pen.frame, head.across(0.0), -0.2, 0.12, 0.3)
        pen.fill(masked(head, blaze), p.second, 0.0)
    muzzle(head, d.uniform(0.26, 0.34), d.uniform(0.2, 0.27), 0.45, p.second)
    eyes(head)
    nose(head, d.uniform(0.3, 0.38), d.uniform(0.1, 0.14), 0.08)
    mouth(head, 0.56)


def panda(pen: Pen, tilt: float) -> None:
    """Draw small round ears and patches around the eyes in the second colour."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    ears = d.uniform(-0.45, -0.3)
    round_ears(head, head.wide * 0.72, ears, d.uniform(0.18, 0.26), p.second, p.second)
    skull(head)
    lean = tilt + d.uniform(-0.2, 0.2)
    around = patches(head, d.uniform(0.15, 0.19), d.uniform(0.2, 0.26), lean)
    pen.fill(around, p.second, 0.0)
    eyes(head)
    nose(head, d.uniform(0.32, 0.42), d.uniform(0.09, 0.13), 0.07)
    mouth(head, 0.56)


def cat(pen: Pen, coat: str) -> None:
    """Draw upright pointed ears, a small nose and cheeks; tabby, with a bib, or plain."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    reach = head.wide * d.uniform(0.75, 0.95)
    pointed_ears(head, reach, d.uniform(-0.85, -0.65), p.main, p.accent)
    skull(head)
    if coat == "tabby":
        for x in (-0.2, 0.0, 0.2):
            stripe = bar(pen.frame, head.across(x), -0.5, head.across(x), -0.2, 0.05)
            pen.fill(masked(head, stripe), p.second, 0.0)
    if coat == "bib":
        pen.fill(masked(head, below(pen.frame, d.uniform(0.2, 0.35))), p.second, 0.0)
    for side in (-0.13, 0.13):
        pen.fill(disc(pen.frame, head.across(side, 0.9), 0.48, 0.15), p.pale, 0.5)
    eyes(head, size=1.1)
    nose(head, d.uniform(0.34, 0.4), 0.07, 0.05)
    mouth(head, 0.62)


def fox(pen: Pen, tipped: bool) -> None:
    """Draw large pointed ears, a chin that narrows to the nose, and cheeks of two colours."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    reach, tip = head.wide * d.uniform(0.75, 0.95), d.uniform(-0.95, -0.75)
    pointed_ears(head, reach, tip, p.second if tipped else p.main, p.main if tipped else p.second)
    chin = head.across(0.0, 0.9)
    upper = ellipse(pen.frame, 0.0, 0.05, head.wide, head.high * 0.75)
    point = d.uniform(0.75, 0.9)
    left, right = (chin - 0.1, point), (chin + 0.1, point)
    jaw = polygon(pen.frame, (-head.wide, 0.1), (head.wide, 0.1), right, left)
    pen.fill(union(upper, jaw), p.main)
    for side in (-1.0, 1.0):
        x = head.across(side * head.wide * 0.95, 0.2)
        inside = chin + side * 0.06
        cheek = polygon(pen.frame, (x, 0.12), (inside, 0.3), (inside, point))
        pen.fill(cheek, p.pale if tipped else p.second, 0.5)
    eyes(head)
    nose(head, point - 0.08, d.uniform(0.1, 0.13), 0.08)


def dog(pen: Pen, coat: str) -> None:
    """Draw hanging ears and a long muzzle with a large nose; perhaps a patch on one eye."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    skull(head)
    if coat == "patch":
        patch = disc(pen.frame, head.across(head.gaze), head.eye_line, d.uniform(0.2, 0.26))
        pen.fill(masked(head, patch), p.second, 0.0)
    ears = p.main if coat == "plain" else p.second
    hanging_ears(head, d.uniform(0.34, 0.5), d.uniform(0.15, 0.22), ears)
    bridge = d.uniform(0.16, 0.22)
    if coat != "plain":
        blaze = box(pen.frame, head.across(0.0, 0.8), 0.1, bridge * 0.6, 0.4, 0.1)
        pen.fill(blaze, p.pale, 0.3)
    muzzle(head, d.uniform(0.26, 0.34), 0.25, 0.5, p.pale)
    eyes(head)
    nose(head, d.uniform(0.34, 0.42), d.uniform(0.13, 0.17), 0.1)
    mouth(head, 0.62)


def koala(pen: Pen, tufted: bool) -> None:
    """Draw large ears at the sides and a long upright nose."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    size, y = d.uniform(0.28, 0.36), d.uniform(-0.35, -0.15)
    if tufted:
        for side in (-1.0, 1.0):
            for dy in (-0.22, 0.22):
                x = head.across(side * (head.wide + 0.18), -0.3)
                pen.fill(disc(pen.frame, x, y + dy, 0.16), p.main)
    round_ears(head, head.wide + 0.05, y, size, p.main, p.second)
    skull(head)
    eyes(head, size=0.9)
    long = d.uniform(0.22, 0.3)
    nose(head, 0.28, d.uniform(0.12, 0.17), long)
    mouth(head, 0.62)


def monkey(pen: Pen, bearded: bool) -> None:
    """Draw round ears at eye level and a bare face of two lobes above a wide mouth."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    ears = d.uniform(0.0, 0.2)
    round_ears(head, head.wide + 0.08, ears, d.uniform(0.18, 0.26), p.main, p.second)
    skull(head)
    wide, high = d.uniform(0.36, 0.46), d.uniform(0.26, 0.32)
    bare = ellipse(pen.frame, head.across(0.0, 0.8), 0.45, wide, high)
    if not bearded:
        bare = union(bare, patches(head, 0.24, 0.26, 0.0))
    pen.fill(bare, p.second, 0.5)
    eyes(head)
    for side in (-0.07, 0.07):
        pen.fill(disc(pen.frame, head.across(side, 0.9), 0.34, 0.04), p.dark, 0.0)
    mouth(head, 0.55)


def mouse(pen: Pen, hooded: bool) -> None:
    """Draw very large round ears above a small pointed snout; hooded: two colours."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    size = d.uniform(0.33, 0.44)
    round_ears(head, head.wide * 0.9, d.uniform(-0.5, -0.35), size, p.main, p.accent)
    skull(head)
    if hooded:
        pen.fill(masked(head, above(pen.frame, d.uniform(-0.2, 0.0))), p.second, 0.0)
    snout, tip = head.across(0.0, 1.1), d.uniform(0.58, 0.7)
    pen.fill(ellipse(pen.frame, snout, tip - 0.18, d.uniform(0.15, 0.2), 0.26), p.second)
    eyes(head)
    pen.fill(disc(pen.frame, snout, tip, 0.09), p.dark, 0.0)


def pig(pen: Pen, ears: str) -> None:
    """Draw a flat snout with two nostrils; ears that stand out or fold over."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    if ears == "upright":
        reach = head.wide * d.uniform(0.95, 1.15)
        pointed_ears(head, reach, d.uniform(-0.65, -0.5), p.main, p.second)
    skull(head)
    if ears == "folded":
        for side in (-1.0, 1.0):
            x = head.across(side * head.wide * 0.75, -0.2)
            flap = polygon(pen.frame, (x - 0.24, -0.35), (x + 0.24, -0.35), (x + side * 0.12, 0.08))
            pen.fill(flap, p.second)
    wide, high = d.uniform(0.26, 0.34), d.uniform(0.18, 0.24)
    muzzle(head, wide, high, 0.4, p.second)
    for side in (-0.11, 0.11):
        nostril = ellipse(pen.frame, head.across(side, 0.95), 0.4, 0.05, 0.09)
        pen.fill(nostril, p.dark, 0.0)
    eyes(head)
    mouth(head, 0.68)


def rabbit(pen: Pen, ears: str) -> None:
    """Draw long ears, upright, one bent, or both hanging, and two front teeth."""
    head, d, p = draw_head(pen), pen.draws, pen.palette
    length, width = d.uniform(0.38, 0.48), d.uniform(0.13, 0.18)
    if ears != "hanging":
        _upright_ears(head, length, width, bent=ears == "bent")
    skull(head)
    if ears == "hanging":
        hanging_ears(head, length, width, p.main)
    for side in (-0.12, 0.12):
        pen.fill(disc(pen.frame, head.across(side, 0.9), 0.45, 0.14), p.second, 0.5)
    teeth = box(pen.frame, head.across(0.0, 0.9), 0.62, 0.09, 0.1)
    pen.fill(teeth, p.pale, 0.0)
    eyes(head)
    nose(head, 0.36, 0.07, 0.05)


def _upright_ears(head: Head, length: Numbers, width: Numbers, bent: bool) -> None:
    pen, p = head.pen, head.pen.palette
    lean = pen.draws.uniform(0.1, 0.4)
    for side in (-1.0, 1.0):
        x = head.across(side * 0.32, -0.3)
        if bent and side > 0:
            base = pen.at(x, -0.35, side * lean)
            base.fill(ellipse(base.frame, 0.0, -0.1, width, 0.3), p.main)
            tip = base.at(0.0, -0.35, 1.9)
            tip.fill(ellipse(tip.frame, 0.0, -0.18, width, 0.3), p.main)
            continue
        ear = pen.at(x, -0.35, side * lean)
        ear.fill(ellipse(ear.frame, 0.0, -0.25, width, length), p.main)
        ear.fill(ellipse(ear.frame, 0.0, -0.25, width * 0.5, length * 0.75), p.accent, 0.0)


FACES: dict[str, tuple[Plan, ...]] = {
    "bear": tuple(partial(bear, marked=m) for m in (False, True)),
    "cat": tuple(partial(cat, coat=c) for c in ("tabby", "bib", "plain")),
    "dog": tuple(partial(dog, coat=c) for c in ("patch", "saddle", "plain")),
    "fox": tuple(partial(fox, tipped=t) for t in (False, True)),
    "koala": tuple(partial(koala, tufted=t) for t in (False, True)),
    "monkey": tuple(partial(monkey, bearded=b) for b in (False, True)),
    "mouse": tuple(partial(mouse, hooded=h) for h in (False, True)),
    "panda": tuple(partial(panda, tilt=t) for t in (0.0, 0.6)),
    "pig": tuple(partial(pig, ears=e) for e in ("upright", "folded")),
    "rabbit": tuple(partial(rabbit, ears=e) for e in ("upright", "bent", "hanging")),
}
"""Varieties of every kind; an image has any of them with equal probability."""

SETTING = Setting(
    scale=(0.8, 1.05), shift=0.15, tilt=0.25, stretch=0.2, clutter=0.35, occlusion=0.3, colours=FUR
)
