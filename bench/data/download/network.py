"""Whether the network may be used, and where archives are looked for first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.errors import UsageError

OFFLINE = "BENCH_OFFLINE"
"""The environment variable that keeps everything off the network."""

MIRROR = "BENCH_MIRROR"
"""The environment variable with addresses of folders that have the archives, tried in order."""

_SAID_TO_LIBRARIES = {OFFLINE: "1", "HF_HUB_OFFLINE": "1"}

_postponed = False


def is_offline() -> bool:
    """Say whether nothing may touch the network."""
    return os.environ.get(OFFLINE, "").strip().lower() not in ("", "0", "false", "no", "off")


@contextlib.contextmanager
def offline(wanted: bool) -> Iterator[None]:
    """Keep what happens within off the network if `wanted`, or if the environment says so.

    Libraries are told by their own variables, which they read when they are first imported.
    """
    if not (wanted or is_offline()):
        yield
        return
    before = {name: os.environ.get(name) for name in _SAID_TO_LIBRARIES}
    os.environ.update(_SAID_TO_LIBRARIES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def postponed(wanted: bool) -> Iterator[None]:
    """Keep what happens within off the network if `wanted`, though a later run may use it.

    So a dry run fetches nothing, and does not refuse what the run itself would fetch.
    """
    global _postponed
    before, _postponed = _postponed, wanted and not is_offline()
    try:
        with offline(wanted):
            yield
    finally:
        _postponed = before


def never_fetches() -> bool:
    """Say whether nothing may touch the network, neither now nor in the run a dry run plans."""
    return is_offline() and not _postponed


def addresses(file: str, base: str) -> tuple[str, ...]:
    """Return the addresses of a file: on the mirrors of `BENCH_MIRROR`, then below `base`.

    Raises UsageError if a mirror is no http or https address.
    """
    mirrors = os.environ.get(MIRROR, "").split()
    for mirror in mirrors:
        if not _is_web_address(mirror):
            raise UsageError(
                f"`{MIRROR}` must hold http or https addresses with spaces between them, "
                f"got {mirror!r}."
            )
    found = (f"{folder.rstrip('/')}/{file}" for folder in (*mirrors, base))
    return tuple(dict.fromkeys(found))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        return False
