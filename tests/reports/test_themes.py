"""Colours of the page: both themes, what stands out from what, and paper."""

from __future__ import annotations

import numpy as np
import pytest
from browsing import TABLE, needed, place_of

from reports.drawings.palette import DARK, LIGHT

pytestmark = needed


def ground(shown):
    return shown.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")


def test_the_theme_follows_the_system_and_the_button(opened):
    with opened(color_scheme="light") as shown:
        light = ground(shown)
        shown.locator("#theme").click()
        dark = ground(shown)
    with opened(color_scheme="dark") as shown:
        assert ground(shown) == dark != light
        shown.locator("#theme").click()
        assert ground(shown) == light


def contrast(one, other):
    """Return the contrast of two `#rrggbb` colours (WCAG 2, relative luminance)."""
    channels = np.array([[int(c[at : at + 2], 16) / 255 for at in (1, 3, 5)] for c in (one, other)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    dark, bright = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (bright + 0.05) / (dark + 0.05)


GROUNDS = {
    **dict.fromkeys([("--fg", ground) for ground in ("--bg", "--soft", "--band", "--mark")], 4.5),
    **dict.fromkeys([("--muted", g) for g in ("--bg", "--soft", "--band", "--mark")], 4.5),
    **dict.fromkeys([("--link", ground) for ground in ("--bg", "--soft", "--band")], 4.5),
    **dict.fromkeys([("--fg", f"--h{shade}") for shade in range(9)], 4.5),
    **dict.fromkeys([(f"--c{colour}", "--bg") for colour in (*range(7), "x")], 3.0),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_in_both_themes(opened, scheme):
    with opened(color_scheme=scheme) as shown:
        read = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
        colours = {name: shown.evaluate(read, name) for pair in GROUNDS for name in pair}
    found = {pair: contrast(*(colours[name] for name in pair)) for pair in GROUNDS}
    assert {pair: value for pair, value in found.items() if value < GROUNDS[pair]} == {}


TEXTS = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const found = [];
  const shade = (at, pseudo) => {
    const style = getComputedStyle(at, pseudo);
    let ground = at;
    let opacity = Number(style.opacity);
    for (let up = at; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
    const filled = (one) => (channels(getComputedStyle(one).backgroundColor)[3] ?? 1) > 0;
    while (ground.parentElement && !filled(ground)) ground = ground.parentElement;
    const about = `${at.tagName}.${at.className} ${pseudo || ""} ${opacity}`;
    found.push([about, channels(style.color), channels(getComputedStyle(ground).backgroundColor)]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && at.checkVisibility() && !at.closest("svg")) shade(at);
  }
  document.querySelectorAll("thead button").forEach((at) => shade(at, "::after"));
  document.querySelectorAll("input[type=search]").forEach((at) => shade(at, "::placeholder"));
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_also_where_ties_are_marked(opened, told, scheme):
    with opened(color_scheme=scheme) as shown:
        shown.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        table = shown.locator(TABLE.format(place_of(told, "shapenette", 1)))
        table.locator("td[data-ties] button").first.click()
        shown.mouse.move(0, 0)
        texts = shown.evaluate(TEXTS)
    assert len(texts) > 500
    faint = {
        about: value
        for about, *pair in texts
        if (value := contrast(*("#" + bytes(c[:3]).hex() for c in pair))) < 4.5
        or not about.endswith(" 1")
    }
    assert faint == {}


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_the_page_has_the_colours_of_the_figures(opened, scheme, palette):
    with opened(color_scheme=scheme) as shown:
        read = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
        assert tuple(shown.evaluate(read, f"--c{at}") for at in range(7)) == palette


def test_paper_has_no_filters_and_light_colours(opened, tmp_path):
    with opened(color_scheme="dark") as shown:
        made = shown.pdf(path=tmp_path / "page.pdf", print_background=True)
        assert made.startswith(b"%PDF")
        shown.emulate_media(media="print")
        assert not shown.locator("#filters").is_visible()
        assert not shown.locator("nav").is_visible()
        assert ground(shown) == "rgb(255, 255, 255)"
        shown.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert ground(shown) == "rgb(255, 255, 255)"
        assert shown.locator("table.sortable").first.is_visible()
