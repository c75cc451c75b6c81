"""Texts without the paths of the machine they were written on.

Commands and tracebacks are kept as they were; what is published of them names files by their last
two parts, and neither folders above nor the user they belong to.
"""

from __future__ import annotations

import re

HOMES = ("home", "users")
"""Folders whose entries are people."""

URL = r"(?:https?|ftp|git|ssh|s3|gs|hf)://\S*"
BEGIN = r"~[\w.-]*[/\\]|/|\\\\|[A-Za-z]:[/\\]"
"""How an absolute path begins: `~/`, `~me/`, `/`, `\\\\server`, `C:\\`."""
REST = r"(?:\\[ ]|[^\s'\"<>|;,:()\[\]{}=&])+"
"""What follows without a quote: up to a space that is not escaped."""

FOUND = re.compile(
    rf"(?P<url>\b{URL})"
    # In quotes a path may hold spaces; a name and `=` or `:` may stand before it.
    rf"|(?P<before>['\"](?:[^\s'\"/\\]*[=:])??)(?P<quoted>(?:{BEGIN})[^'\"\n:,;]+)(?=['\"])"
    # Not within `hard/minimax` or `../x`; after `-o` all the same.
    rf"|(?:(?<![\w.…~/\\-])|(?<=\s-\w))(?P<bare>(?:{BEGIN}){REST})"
)


def without_paths(text: str) -> str:
    """Return text in which every absolute path is cut to its last two parts.

    The first part is always cut, and so is what lies above and in a folder of homes up to the user.
    Addresses of the web, relative paths and names such as `hard/minimax` stay.
    """
    return FOUND.sub(_cut, text)


def _cut(match: re.Match[str]) -> str:
    if match["url"]:
        return match[0]
    return (match["before"] or "") + _shortened(match["quoted"] or match["bare"])


def _shortened(path: str) -> str:
    parts = [part for part in re.split(r"/+" if "/" in path else r"\\+", path) if part]
    if len(parts) == 1 and path.startswith("/") and not path.endswith("/"):
        return path  # of no one: `/tmp`, or `/b` of a tag
    homes = [at for at, part in enumerate(parts) if part.lower() in HOMES]
    kept = parts[homes[-1] + 2 :] if homes else parts[1:]
    return "/".join(["…", *kept[-2:]])
