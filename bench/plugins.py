"""What third parties register: installed packages by entry points, and plain Python files."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bench.errors import UsageError, unknown_name
from bench.named import Named

if TYPE_CHECKING:
    from bench.contracts import Method


@dataclass(frozen=True)
class Plugin:
    """What a third party registers."""

    vendor: str
    origin: str
    methods: Mapping[str, Any]
    protocols: Mapping[str, Any]


def installed() -> list[Plugin]:
    """Return what installed packages register; UsageError if one cannot be loaded."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in ("methods", "protocols"):
        for point in importlib.metadata.entry_points(group=f"bench.{kind}"):
            owner = point.dist.name if point.dist else point.module
            try:
                spec = point.load()
            except Exception as error:
                raise UsageError(
                    f"The plugin {point.value!r} of {owner!r} cannot be loaded ({error}): "
                    "mend or uninstall it."
                ) from error
            found.setdefault(owner, {}).setdefault(kind, {})[point.name] = _instance(spec, owner)
    return [
        Plugin(
            owner,
            f"{owner} {importlib.metadata.version(owner)}",
            kinds.get("methods", {}),
            kinds.get("protocols", {}),
        )
        for owner, kinds in found.items()
    ]


def _specs_in(module: Any, kind: str, path: Path) -> dict[str, Any]:
    found = getattr(module, kind, {})
    if not isinstance(found, Mapping):
        raise UsageError(f"`{kind}` of {str(path)!r} must be a dictionary, got {found!r}.")
    return {name: _instance(spec, str(path)) for name, spec in found.items()}


def _instance(spec: Any, where: str) -> Any:
    """Return a spec, made where a plugin gave its class; UsageError if it is no spec."""
    try:
        made = spec() if isinstance(spec, type) else spec
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{spec.__name__!r} of {where} cannot be made without arguments ({error}): register "
            "an instance."
        ) from error
    wanted = {"resolve", "needs", "revision"}
    if not dataclasses.is_dataclass(made) or not wanted <= set(dir(made)):
        raise UsageError(
            f"{where} must register frozen dataclasses that follow a contract of "
            f"bench/contracts.py, got {made!r}."
        )
    return made


def method_of_file(text: str) -> Named[Method]:
    """Return the method of a request `mine.py:MyMethod`."""
    file, _, name = text.rpartition(":")
    module, origin = _module_of(Path(file))
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise unknown_name("method", name, public, of=file)
    spec = cast("Method", _instance(getattr(module, name), file))
    return Named(f"{Path(file).stem}/{name}", spec, spec, origin)


def of_file(path: Path) -> Plugin:
    """Return what a file registers in `METHODS` and `PROTOCOLS`; UsageError if nothing."""
    module, origin = _module_of(path)
    methods, protocols = (_specs_in(module, kind, path) for kind in ("METHODS", "PROTOCOLS"))
    if not methods and not protocols:
        raise UsageError(
            f"A plugin defines the dictionary `METHODS` or `PROTOCOLS`, {str(path)!r} has neither."
        )
    return Plugin(path.stem, origin, methods, protocols)


def _module_of(path: Path) -> tuple[Any, str]:
    """Import a plugin file; return the module and where it came from, with its hash."""
    import hashlib
    import sys

    if not path.is_file():
        raise UsageError(f"Expected a Python file for the plugin, {str(path)!r} does not exist.")
    name = f"bench_plugin_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise UsageError(f"Expected a Python file (.py) for the plugin, got {str(path)!r}.")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"The plugin {str(path)!r} cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return module, f"{path.name} sha256:{digest}"
