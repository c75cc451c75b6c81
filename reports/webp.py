"""The size of a WebP picture, from its header alone.

Source: RFC 9649, WebP Image Format, 2024, sections 2.3 to 2.7.
"""

from __future__ import annotations

from reports.attached_files import Unusable

LARGEST = 4096
"""Pixels per side; ten thumbnails of 64 are 640."""

HEADER = 30
"""Bytes up to the end of the size, in each of the three forms."""


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a whole WebP file; Unusable for anything else."""
    if len(data) < HEADER or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise Unusable("it is not a WebP picture")
    if int.from_bytes(data[4:8], "little") + 8 != len(data):
        raise Unusable("its length is not the one that it states")
    size = _size(data[12:16], data[20:HEADER])
    if size is None:
        raise Unusable("it is not a WebP picture")
    if not all(0 < side <= LARGEST for side in size):
        raise Unusable(f"it is {size[0]} x {size[1]} pixels, and at most {LARGEST} a side are read")
    return size


def _size(form: bytes, body: bytes) -> tuple[int, int] | None:
    """Return the size that the first chunk states; None where it is none of the three forms."""
    if form == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF
    if form == b"VP8L" and body[:1] == b"\x2f":
        bits = _number(body[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        return _number(body[4:7]) + 1, _number(body[7:10]) + 1
    return None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
