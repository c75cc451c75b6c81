"""From templates to HTML: everything is escaped but the markup that our own code has made."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.plain import plain
from reports.words.sentences import Code, Sentence, unbroken

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).parent


def render(template: str, values: dict[str, Any]) -> str:
    """Return a template of this folder with these values."""
    return _environment().get_template(template).render(values)


def asset(name: str) -> Markup:
    """Return a style sheet or script of ours, as it stands in the page."""
    from markupsafe import Markup

    return Markup((HERE / name).read_text(encoding="utf-8").strip())


def fingerprint(text: str) -> str:
    """Return the source expression that lets a browser take this very style or script."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy of the page: no request, no other style or script."""
    rules = (
        "default-src 'none'",
        "img-src data:",
        f"style-src '{fingerprint(style)}'",
        f"script-src '{fingerprint(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def sentence(parts: Sentence) -> Markup:
    """Return a sentence with its names marked, whose percentages stay on one line."""
    from markupsafe import Markup, escape

    return Markup("").join(
        Markup("<code>{}</code>").format(plain(part.text))
        if isinstance(part, Code)
        else escape(unbroken(part))
        for part in parts
    )


def breakable(text: str) -> Markup:
    """Return text that may be broken behind the signs that labels are made of, inside of words."""
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[,+/])(?=\S)", plain(text))
    return Markup("<wbr>").join(map(escape, parts))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"sentence": sentence, "breakable": breakable}
    return made
