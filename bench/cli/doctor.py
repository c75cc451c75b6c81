"""`bench doctor`: what this machine has, and how to mend what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.options import DataRoot

if TYPE_CHECKING:
    pass

Finding = tuple[Literal["ok", "note", "bad"], str, str]
"""Verdict, what was found, and the remedy where one is needed."""


def doctor(
    data_root: DataRoot = None,
    out: Annotated[Path | None, typer.Option(help="A run's folder to look at.")] = None,
) -> int:
    """Look at packages, torch, device, cache and data; each finding with its remedy."""
    worst = 0
    for verdict, finding, remedy in _findings(data_root, out):
        typer.echo(f"{verdict:>4}  {finding}" + (f"\n      -> {remedy}" if remedy else ""))
        worst = max(worst, verdict == "bad")
    return int(worst)


def _findings(data_root: Path | None, out: Path | None) -> Iterator[Finding]:
    yield from _python_and_packages()
    yield from _torch()
    yield from _cache()
    yield from _feature_networks()
    yield from _data(data_root)
    if out is not None:
        yield from _out(out)


def _python_and_packages() -> Iterator[Finding]:
    import platform

    from bench.provenance import package_versions

    yield "ok", f"Python {platform.python_version()} on {platform.platform()}", ""
    for name, version in package_versions().items():
        if version == "unknown":
            yield "bad", f"{name} is not installed", "pip install distillation-bench"
        else:
            yield "ok", f"{name} {version}", ""


def _torch() -> Iterator[Finding]:
    try:
        import torch
        import torchvision  # noqa: F401  # a wheel of another build fails on import
    except (ImportError, RuntimeError, OSError) as error:
        remedy = "install torch and torchvision together: pip install -U torch torchvision"
        yield "bad", f"torch or torchvision cannot be loaded ({error})", remedy
        return
    import os

    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    remedy = f"set OMP_NUM_THREADS to the {cores} cores of this machine" if threads > cores else ""
    yield "note" if remedy else "ok", f"torch uses {threads} CPU threads, cores: {cores}", remedy
    yield from _devices(torch)
    yield from _compilers(cuda=torch.cuda.is_available())


def _devices(torch_module: object) -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        remedy = "`--device cpu` works everywhere; published protocols at 224 px want a GPU"
        yield "note", "no CUDA device", remedy
    for number in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(number)
        free, total = torch.cuda.mem_get_info(number)
        yield "ok", f"cuda:{number} {name}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free", ""


def _compilers(*, cuda: bool) -> Iterator[Finding]:
    """Look for what torch needs to compile students: a C++ compiler, and Triton for a GPU."""
    import importlib.util
    import os
    import shutil

    remedy = "students train uncompiled, which is slower: install g++ or clang, or set CXX"
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++"]
    found = next((name for name in names if shutil.which(name)), None)
    yield ("ok", f"C++ compiler {found}", "") if found else ("note", "no C++ compiler", remedy)
    if cuda and importlib.util.find_spec("triton") is None:
        yield "note", "no Triton", "students train uncompiled, which is slower: install triton"


def _cache() -> Iterator[Finding]:
    import shutil
    import tempfile

    from bench.artefacts import default_cache

    cache = default_cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        remedy = "set BENCH_CACHE to a folder that can be written"
        yield "bad", f"the cache {cache} cannot be written ({error.strerror})", remedy
        return
    free = shutil.disk_usage(cache).free / 2**30
    remedy = "free some space or set BENCH_CACHE to a larger disk" if free < 5 else ""
    yield "note" if remedy else "ok", f"cache {cache}, {free:.0f} GiB free", remedy


def _feature_networks() -> Iterator[Finding]:
    """Look for the networks of image metrics; a run fetches what it needs, where it may."""
    from bench.errors import BenchError
    from bench.features.extractors import KNOWN, find_extractor

    for name in KNOWN:
        try:
            here = find_extractor(name, "", "").located() is not None
        except BenchError as error:
            yield "bad", str(error), "see the sentence above"
            continue
        remedy = "" if here else f"`bench fetch --features {name}`, if a metric needs it"
        state = "is here" if here else "is not here"
        yield "ok" if here else "note", f"feature network {name} {state}", remedy


def _data(data_root: Path | None) -> Iterator[Finding]:
    import os

    from bench import data

    root = data_root or (Path(os.environ["BENCH_DATA"]) if "BENCH_DATA" in os.environ else None)
    remedy = "pass `--data-root` or set BENCH_DATA to the folder that holds ILSVRC2012"
    if root is None:
        yield "note", "no data root; only `folder:PATH` and procedural sets can be named", remedy
        return
    found = data.find_sets(root)
    if not found:
        yield "bad", f"the data root {root} holds no set that is known", remedy
    for name, place in found.items():
        yield "ok", f"{name} in {place}", ""


def _out(out: Path) -> Iterator[Finding]:
    from bench.errors import BenchError
    from bench.store import Store

    try:
        count = sum(1 for _ in Store.existing(out).records())
    except BenchError as error:
        yield "bad", str(error), "see the sentence above"
        return
    yield "ok", f"{out} holds {count} records", ""
