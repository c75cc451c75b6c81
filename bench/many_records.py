"""All records of a folder in little memory: parts that many of them repeat are decoded once.

A record names its set, method, protocol and student in full, and most of a hundred thousand
records name the same few. Here equal bytes become one and the same object.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.records import VERSION, Provenance, Record, read_record

REPEATED = ("data", "method", "protocol", "student", "cards", "artefacts")
"""The fields of a record that many records have in common."""
WORDS = ("device", "commit", "python", "platform", "command")
"""The texts of a provenance that many records have in common."""


def read(folder: Path) -> Iterator[Record]:
    """Yield what `bench.records.read_records` yields, with equal parts as one object.

    Nobody may change the dictionaries of a record: those of other records are the same ones.
    """
    reader = _Reader()
    for path in sorted((folder / "records").glob("*.json")):
        yield reader.record(path)


def _with_raw(kind: type[msgspec.Struct], names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a struct of the same fields, of which the named ones stay as they were written."""
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(kind):
        defaults = {"default": field.default, "default_factory": field.default_factory}
        if field.name == "version":  # has to be there, as `read_record` wants it
            defaults = {}
        raw = field.name in names
        fields.append((field.name, msgspec.Raw if raw else field.type, msgspec.field(**defaults)))
    return msgspec.defstruct(
        f"Raw{kind.__name__}", fields, kw_only=True, forbid_unknown_fields=True
    )


class _Reader:
    """Reads records one after the other, and remembers the parts it has met."""

    def __init__(self) -> None:
        types = {field.name: field.type for field in msgspec.structs.fields(Record)}
        self._parts = {name: msgspec.json.Decoder(types[name]) for name in REPEATED}
        self._packages = msgspec.json.Decoder(dict[str, str])
        self._record = msgspec.json.Decoder(_with_raw(Record, (*REPEATED, "provenance")))
        self._provenance = msgspec.json.Decoder(_with_raw(Provenance, ("packages",)))
        self._met: dict[tuple[str, bytes], Any] = {}

    def record(self, path: Path) -> Record:
        """Return one record; BenchError as of `read_record` if the file is broken or newer."""
        try:
            return self._decoded(path.read_bytes())
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError, _Newer):
            return read_record(path)  # which says what is wrong with it

    def _decoded(self, raw: bytes) -> Record:
        values = msgspec.structs.asdict(self._record.decode(raw))
        if values["version"] > VERSION:
            raise _Newer
        for name, decoder in self._parts.items():
            if isinstance(values[name], msgspec.Raw):  # no default took its place
                values[name] = self._shared(name, decoder, values[name])
        values["provenance"] = self._provenance_of(values["provenance"])
        return Record(**values)

    def _provenance_of(self, raw: msgspec.Raw) -> Provenance:
        values = msgspec.structs.asdict(self._provenance.decode(raw))
        values["packages"] = self._shared("packages", self._packages, values["packages"])
        return Provenance(**values | {name: sys.intern(values[name]) for name in WORDS})

    def _shared(self, name: str, decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw) -> Any:
        key = (name, bytes(raw))
        if key not in self._met:
            self._met[key] = decoder.decode(raw)
        return self._met[key]


class _Newer(Exception):
    """A record is of a version that is not known here."""
