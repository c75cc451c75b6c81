"""One file over HTTP: gone on with where it stopped, refused where it is not what was asked for.

A refusal comes before anything is overwritten: what is here of a download survives a server that
answers with a web page, another size or another kind of file.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bench.data.download.archives import Refused
from bench.data.download.partial import Facts, Partial
from bench.files import disk_full_as_error

Watch = Callable[[str, int, int | None], None]
"""Hears what is being done, how many bytes of it are done, and of how many if that is known."""

GZIP = b"\x1f\x8b\x08"
CHUNK = 2**18
WEB_PAGES = ("text/html", "application/xhtml+xml")
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers that another attempt may not get."""


@dataclass(frozen=True)
class Patience:
    """How long to try one address."""

    attempts: int = 5
    seconds: float = 30.0
    """Silence after which a connection is given up."""
    pause: float = 1.0
    """Seconds before the second attempt; every further pause is twice as long."""


class _Broken(Exception):
    """The transfer has stopped; another attempt may go on with it."""


def fetch(
    url: str, partial: Partial, size: int | None, most: int, watch: Watch, patience: Patience
) -> None:
    """Bring the whole file of an address into `partial`, or raise Refused with the reason.

    `size` is what the file must have; without one, `most` bytes are taken and no more.
    """
    reason = ""
    for attempt in range(patience.attempts):
        if attempt:
            time.sleep(patience.pause * 2 ** (attempt - 1))
        try:
            return _attempt(url, partial, size, most, watch, patience.seconds)
        except _Broken as error:
            reason = str(error)
    raise Refused(f"{reason}, {patience.attempts} attempts")


def _attempt(
    url: str, partial: Partial, size: int | None, most: int, watch: Watch, seconds: float
) -> None:
    begun = partial.begun(url)
    if begun is not None and partial.size == begun.total:
        return
    with _ask(url, partial, begun, seconds) as answer:
        start, facts = _accepted(answer, url, partial, begun)
        _check_size(facts.total, size, most)
        if start == 0:
            head = _head(answer, facts)
            partial.begin(facts)
        else:
            head = b""
        _receive(answer, head, partial, facts.total or size or most, facts.total, watch)


def _ask(url: str, partial: Partial, begun: Facts | None, seconds: float) -> HTTPResponse:
    headers = {"User-Agent": "distillation-bench", "Accept-Encoding": "identity"}
    if begun is not None:
        headers["Range"] = f"bytes={partial.size}-"
        if begun.validator:
            headers["If-Range"] = begun.validator
    try:
        answer: HTTPResponse = urlopen(Request(url, headers=headers), timeout=seconds)
        return answer
    except HTTPError as error:
        error.close()
        if error.code == 416:  # our beginning is longer than the file
            partial.discard()
        passing = error.code in PASSING or (error.code == 416 and begun is not None)
        raise (_Broken if passing else Refused)(f"answers {error.code} {error.reason}") from error
    except URLError as error:
        lasting = isinstance(error.reason, socket.gaierror | ssl.SSLCertVerificationError)
        raise (Refused if lasting else _Broken)(_words(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise _Broken(_words(error)) from error


def _accepted(
    answer: HTTPResponse, url: str, partial: Partial, begun: Facts | None
) -> tuple[int, Facts]:
    """Return where in the file the answer begins, and of which file; Refused if it is none."""
    headers = answer.headers
    if headers.get_content_type() in WEB_PAGES:
        raise Refused("answers with a web page and not with an archive")
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if answer.status == 200:
        length = headers.get("Content-Length", "")
        return 0, Facts(url, int(length) if length.isdecimal() else None, etag, modified)
    if answer.status != 206 or begun is None:
        raise Refused(f"answers {answer.status} {answer.reason}")
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", "").strip())
    place = (int(span[1]), int(span[2])) if span else None
    changed = begun.etag != etag if begun.etag and etag else begun.modified != modified
    if place != (partial.size, begun.total) or changed:
        partial.discard()
        raise _Broken("sends a part of another file than it began")
    return partial.size, begun


def _check_size(total: int | None, size: int | None, most: int) -> None:
    if total is not None and total != (size or total):
        raise Refused(f"offers {total:,} bytes where the archive has {size:,}")
    if total is not None and total > most:
        raise Refused(f"offers {total:,} bytes, more than any archive known here")


def _head(answer: HTTPResponse, facts: Facts) -> bytes:
    """Return the first bytes of a file that begins as gzip does."""
    head = b""
    while len(head) < len(GZIP) and (more := _read(answer, len(GZIP) - len(head))):
        head += more
    if len(head) < len(GZIP) and facts.total != len(head):
        raise _Broken("stops before the archive begins")
    if head != GZIP:
        raise Refused("sends something that does not begin as a gzip archive does")
    return head


def _receive(
    answer: HTTPResponse, head: bytes, partial: Partial, most: int, total: int | None, watch: Watch
) -> None:
    done = partial.size
    with disk_full_as_error(partial.path.parent), partial.path.open("ab") as file:
        chunk = head or _read(answer, CHUNK)
        while chunk:
            done += len(chunk)
            if done > most:
                partial.discard()
                raise Refused(f"sends more than the {most:,} bytes that were expected")
            file.write(chunk)
            watch("fetching", done, total)
            chunk = _read(answer, CHUNK)
    if total is not None and done < total:
        raise _Broken(f"stops after {done:,} of {total:,} bytes")


def _read(answer: HTTPResponse, count: int) -> bytes:
    """Return what has arrived, at most `count` bytes and at least one; none at the end."""
    try:
        return answer.read1(count)
    except (OSError, HTTPException) as error:
        raise _Broken(_words(error)) from error


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "says nothing"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
