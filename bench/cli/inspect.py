"""`bench list` and `bench show`: what there is, and what a record says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import OUT, Plugin
from bench.errors import BenchError, UsageError, unknown_name

if TYPE_CHECKING:
    from bench.named import Named
    from bench.records import Failure, Record
    from bench.registry import Registry
    from bench.store import Store

KINDS = (
    "methods",
    "protocols",
    "students",
    "teachers",
    "datasets",
    "generators",
    "suites",
    "scores",
)
WITH_FIELDS = ("methods", "protocols", "students")


def list_names(
    kind: Annotated[str | None, typer.Argument(help=", ".join(KINDS) + "; else all.")] = None,
    name: Annotated[str | None, typer.Argument(help="One of them: fields and source.")] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Two of them: the fields in which they differ."),
    ] = None,
    plugin: Plugin = None,
) -> None:
    """List what can be named, the fields of one thing, or how two things differ."""
    from bench import registry

    if kind is not None and kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    names = registry.load(Path(file) for file in plugin or [])
    if diff:
        typer.echo(_compared(names, kind, name, diff))
        return
    if kind and name:
        typer.echo(_one(names, kind, name))
        return
    for shown in KINDS if kind is None else [kind]:
        rows = dict(_rows(names, shown))
        width = max(map(len, rows))
        typer.echo(f"{shown}:")
        for row, summary in rows.items():
            typer.echo(f"  {row:<{width}}  {summary}".rstrip())


def _rows(names: Registry, kind: str) -> Iterator[tuple[str, str]]:
    from bench import data, documents, suites
    from bench.backbones import STUDENTS
    from bench.generators import GENERATORS
    from bench.scores import SCORES
    from bench.teachers.specs import TEACHERS

    if kind == "methods":
        known = {name: m.asked for name, m in {**names.methods(), **names.presets()}.items()}
        yield from ((name, _method_in_a_line(name, known)) for name in known)
        yield "folder:PATH", "A distilled set that any tool has made, as an image folder."
    elif kind == "protocols":
        from protocols import ALIASES

        yield from ((n, documents.summary(p.asked)) for n, p in names.protocols().items())
        yield from ((short, f"Short for {full}.") for short, full in ALIASES.items())
    elif kind == "students":
        yield from ((n, documents.summary(s)) for n, s in STUDENTS.items())
        yield "torchvision/<id>", "Any classification network of torchvision, untrained."
        yield "timm/<id>", "Any network of timm, untrained."
    elif kind == "teachers":
        yield from ((n, documents.summary(t)) for n, t in TEACHERS.items())
    elif kind == "datasets":
        yield from ((n, source.description) for n, source in data.DATASETS.items())
    elif kind == "generators":
        yield from ((n, source.description) for n, source in GENERATORS.items())
    elif kind == "suites":
        yield from ((n, suites.summary(n)) for n in suites.names())
    else:
        for score, card in SCORES.items():
            unit = card.unit if card.unit.startswith("per ") else f"in {card.unit}"
            title = f"{card.title} {unit}" if card.unit else card.title
            yield score, f"{title}, {card.better} is better: {card.note}."


def _method_in_a_line(name: str, known: Mapping[str, Any]) -> str:
    """Return what a method does, or in what it differs from the first one of its kind."""
    from bench import documents, specs

    spec = known[name]
    first = next(other for other, one in known.items() if type(one) is type(spec))
    line = documents.summary(spec)
    return line if first == name or not specs.changes(spec) else f"{first} with {line}"


def _compared(names: Registry, kind: str | None, name: str | None, diff: tuple[str, str]) -> str:
    from bench.comparisons import comparison

    if kind not in WITH_FIELDS or name is not None:
        got = " ".join(word for word in (kind, name) if word) or "no kind"
        raise UsageError(
            f"`--diff A B` compares two {', '.join(WITH_FIELDS[:-1])} or {WITH_FIELDS[-1]}, got "
            f"{got!r} before it: write `bench list protocols --diff A B`."
        )
    left, right = (_single(names, kind, text) for text in diff)
    return comparison((left.label, right.label), (left.asked, right.asked))


def _single(names: Registry, kind: str, text: str) -> Named[Any]:
    """Return the one thing that a request means; UsageError if it means several."""
    from bench.backbones.requests import requested_students

    look_up: dict[str, Callable[[str], list[Named[Any]]]] = {
        "methods": names.method,
        "protocols": names.protocol,
        "students": requested_students,
    }
    found = look_up[kind](text)
    if len(found) != 1:
        raise UsageError(
            f"`--diff` expects one of the {kind} on either side, got {text!r}, which is "
            f"{len(found)} of them: name one."
        )
    return found[0]


def _one(names: Registry, kind: str, name: str) -> str:
    from bench import documents, suites
    from bench.backbones.requests import requested_students
    from bench.teachers.specs import TEACHERS

    if kind == "methods":
        if name in ("folder", "folder:PATH"):
            name = "folder:PATH"
        return documents.page(name, names.method(name)[0].asked)
    if kind == "protocols":
        found = names.protocol(name)[0]
        return documents.page(found.name, found.asked)
    if kind == "students":
        return documents.page(name, requested_students(name)[0].asked)
    if kind == "teachers" and name in TEACHERS:
        return documents.page(name, TEACHERS[name])
    if kind == "suites":
        suites.load(name)
        return (suites.FOLDER / f"{name}.toml").read_text().rstrip()
    if kind == "generators":
        return _generator(name)
    rows = dict(_rows(names, kind))
    if name not in rows:
        raise unknown_name(kind.removesuffix("s"), name, rows)
    return f"{name}: {rows[name]}"


def _generator(name: str) -> str:
    from bench.generators import find_generator

    source = find_generator(name)
    lines = [f"{name}: {source.description}", ""]
    lines.append(
        f"knows        {len(source.classes)} classes" if source.classes else "knows        prompts"
    )
    lines.append(f"taken for    {', '.join(source.sets) or 'sets whose classes it all knows'}")
    lines.append(f"weights      {'here' if source.present() else 'to be downloaded at first use'}")
    return "\n".join(lines)


def show(
    what: Annotated[
        str, typer.Argument(help='A record (file or key) or a cell: "random,tinynette,10".')
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = OUT,
) -> None:
    """Print a record, a failure, or all records of a cell of the leaderboard."""
    from bench.records import encode, read_record
    from bench.store import Store

    if what.endswith(".json"):
        if not Path(what).is_file():
            raise UsageError(f"Expected the file of a record, {what!r} does not exist.")
        typer.echo(_visible(encode(read_record(Path(what))).decode()))
        return
    if not what.strip():
        raise UsageError("`bench show` needs a record's key or file, or a cell, got ''.")
    store = Store.existing(out)
    found = list(_of_cell(store, what)) if "," in what else list(_of_key(store, what))
    if not found:
        raise BenchError(
            f"No record or failure in {str(out)!r} answers to {what!r}: give the beginning of its "
            "key, its file, or `method,dataset,ipc`."
        )
    for record in found:
        typer.echo(_visible(encode(record).decode()))


def _visible(document: str) -> str:
    """Return the same JSON with escapes for characters that a terminal obeys or hides."""
    import json
    import unicodedata

    return "".join(
        json.dumps(char)[1:-1]
        if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs"}
        else char
        for char in document
    )


def _of_key(store: Store, key: str) -> Iterator[Record | Failure]:
    from bench.records import read_failure, read_record

    for path in sorted((store.root / "records").glob(f"{_escaped(key)}*.json")):
        yield read_record(path)
    for path in sorted((store.root / "failures").glob(f"{_escaped(key)}*.json")):
        yield read_failure(path)


def _of_cell(store: Store, cell: str) -> Iterator[Record]:
    from bench.specs import split_outside

    words = split_outside(cell, ",")
    for record in store.records():
        size = "full" if record.ipc is None else str(record.ipc)
        student = record.student.label if record.student else ""
        protocol = record.protocol.label if record.protocol else ""
        if set(words) <= {record.method.label, record.data.name, size, student, protocol}:
            yield record


def _escaped(text: str) -> str:
    import glob

    return glob.escape(text)
