"""The skeleton of a page: its tags and attribute names, without any text of the data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "wbr", "br", "img", "link", "hr"}
LOOSE = {"svg"}
"""What is in them depends on the length of texts, so that their parts are a set."""


@dataclass
class Page(HTMLParser):
    """A page as Python's own parser reads it."""

    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    """(tag, name, value) of all."""
    tree: list[str] = field(default_factory=list)
    """Opening and closing tags outside of drawings, with the names of attributes."""
    drawn: set[str] = field(default_factory=set)
    """The same of drawings, each kind once."""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """(innermost tag, text)."""
    counts: Counter[str] = field(default_factory=Counter)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    __hash__ = object.__hash__

    @classmethod
    def of(cls, html: str) -> Page:
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag, attrs):
        names = " ".join(name for name, _ in attrs)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.counts[tag] += 1
        if LOOSE & set(self.open):
            self.drawn.add(f"<{tag} {names}>")
        elif tag != "wbr":
            self.tree.append(f"<{tag} {names}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()
        if not LOOSE & set(self.open):
            self.tree.append(f"</{tag}>")

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data[:80]}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data[:80]}")

    def values(self, name: str) -> list[str]:
        """Return the values of all attributes of this name."""
        return [value for _, known, value in self.attributes if known == name]

    def text(self) -> str:
        """Return all text that is read."""
        return "".join(data for tag, data in self.texts if tag not in ("style", "script"))
