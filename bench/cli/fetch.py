"""`bench fetch`: what later runs would download, now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Offline, listed
from bench.errors import BenchError, UsageError

if TYPE_CHECKING:
    from bench.data import Fetchable
    from bench.features.extractors import Extractor
    from bench.generators.interface import Source


def fetch(
    datasets: Annotated[
        str | None, typer.Option(help="Such as imagenette2-320,imagewoof2-320.")
    ] = None,
    generators: Annotated[str | None, typer.Option(help="Such as dit-xl-2-256.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Such as inception-pytorch-fid,resnet18-imagenet.")
    ] = None,
    offline: Offline = False,
) -> int:
    """Download real sets, generators and feature networks; say what is there already."""
    from bench import data
    from bench.artefacts import default_cache
    from bench.cache import in_use
    from bench.data.download import network
    from bench.features.extractors import find_extractor
    from bench.generators import find_generator

    sets = {name: data.fetchable(name) for name in listed(datasets) or ()}
    sources = {name: find_generator(name) for name in listed(generators) or ()}
    extractors = [find_extractor(name, "", "") for name in listed(features) or ()]
    if not (sets or sources or extractors):
        raise UsageError(
            "`bench fetch` needs something to fetch, as in `bench fetch --datasets "
            "imagenette2-320`, `bench fetch --generators dit-xl-2-256` or `bench fetch --features "
            "inception-pytorch-fid`."
        )
    with network.offline(offline), in_use(default_cache()):
        for split in sets.values():
            typer.echo(_set(split))
        for name, source in sources.items():
            typer.echo(_generator(name, source))
        for extractor in extractors:
            typer.echo(_extractor(extractor))
    return 0


def _set(split: Fetchable) -> str:
    """Fetch a set unless it is there; return what there is now."""
    from bench import data
    from bench.artefacts import default_cache
    from bench.data.download.check import counts, read_marker

    name, cache, root = split.archive.name, default_cache(), data.root_of(None)
    here = split.is_here(name, root, cache)
    folder = split.find(name, root) if here and root else split.fetch(cache)
    assert folder is not None
    marker = read_marker(folder)
    how = "held against no published checksum"
    if marker is None:
        how = "not fetched by this command"
    elif marker.verified_by:
        how = f"as its published {marker.verified_by} says"
    state = "is here already" if here else "is fetched"
    return f"{name} {state}: {counts(split.archive.images)} in {folder}, {how}"


def _generator(name: str, source: Source) -> str:
    """Fetch a generator unless it is there; return what there is now."""
    state = "is here already" if source.present() else "is fetched"
    try:
        files = source.fetch()
    except OSError as error:
        raise BenchError(f"The weights of {name!r} cannot be written ({error}).") from error
    size = sum(path.stat().st_size for path in files) / 1e6
    return f"{name} {state}: {len(files)} files, {size:,.0f} MB"


def _extractor(extractor: Extractor) -> str:
    """Fetch the weights of a feature network unless they are there; return where they are now."""
    state = "is fetched" if extractor.located() is None else "is here already"
    path = extractor.fetched()
    return f"{extractor.name} {state}: {path.stat().st_size / 1e6:,.0f} MB in {path}"
