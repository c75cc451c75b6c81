"""Looking up methods, protocols and students by the text a user wrote.

The registries are literal dictionaries in the rooms themselves; this module adds what third
parties bring (entry points `bench.methods` and `bench.protocols`, plugin files) under names of
their own, `vendor/name`, and turns requests into specs.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from bench import specs
from bench.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from bench.contracts import EvalProtocol, Method, Student

S = TypeVar("S")

ROOMS = ("bench", "methods", "protocols", "leaderboards", "reports")


@dataclass(frozen=True)
class Named(Generic[S]):
    """A spec with the name it goes by."""

    name: str
    """Canonical: an alias such as `hard` is already replaced by what it stands for."""
    asked: S
    """As requested: None means as published for the set, IPC and student at hand."""
    preset: S
    """The registered instance, to say which fields a request has changed."""
    origin: str = ""
    """Where a third party's spec comes from, with version or file hash; "" is this project."""

    @property
    def label(self) -> str:
        """Return the name with the fields that the request changed, for tables."""
        return specs.label(self.name, self.asked, self.preset)

    def identity(self, resolved: S) -> str:
        """Return the name with all that decides the results of the resolved spec."""
        return specs.identity(self.name, resolved)

    def with_fields(self, fields: Mapping[str, str]) -> Named[S]:
        """Return the same name with some fields replaced by values given as text."""
        return dataclasses.replace(self, asked=specs.override(self.asked, fields, self.name))


@dataclass(frozen=True)
class Plugin:
    """What a third party registers."""

    vendor: str
    origin: str
    methods: Mapping[str, Any]
    protocols: Mapping[str, Any]


@dataclass(frozen=True)
class Registry:
    """The names one run knows: this project's and those of its plugins."""

    plugins: tuple[Plugin, ...] = ()

    def methods(self) -> dict[str, Named[Method]]:
        """Return all registered methods, this project's first."""
        from methods import METHODS

        return self._with_plugins("methods", METHODS)

    def protocols(self) -> dict[str, Named[EvalProtocol]]:
        """Return all registered protocols, this project's first."""
        from protocols import PROTOCOLS

        return self._with_plugins("protocols", PROTOCOLS)

    def method(self, text: str) -> list[Named[Method]]:
        """Return the methods of a request: "all", a sweep, or a single one."""
        if text == "all":
            return list(self.methods().values())
        return [self._method(request) for request in specs.sweep(specs.parse(text))]

    def _method(self, request: specs.Request) -> Named[Method]:
        if request.name.startswith("folder:"):
            from methods.folder import Folder

            pattern = request.name.removeprefix("folder:")
            spec: Method = Folder(pattern=pattern)
            name = request.alias or Path(pattern.split("{")[0]).name or "folder"
            return _configured(Named(name, spec, spec), request)
        if ".py:" in request.name:
            return _configured(_from_file(request.name), request)
        return _configured(_known("method", request.name, self.methods()), request)

    def protocol(self, text: str) -> list[Named[EvalProtocol]]:
        """Return the protocols of a request; aliases become the names they stand for."""
        from protocols import ALIASES

        found = []
        for request in specs.sweep(specs.parse(text)):
            name = ALIASES.get(request.name, request.name)
            known = self.protocols()
            if name not in known:
                raise unknown_name("protocol", name, [*ALIASES, *known])
            found.append(_configured(known[name], request))
        return found

    def _with_plugins(self, kind: str, own: Mapping[str, S]) -> dict[str, Named[S]]:
        found = {name: Named(name, spec, spec) for name, spec in own.items()}
        for plugin in self.plugins:
            for short, spec in getattr(plugin, kind).items():
                name = f"{plugin.vendor}/{short}"
                if name in found:
                    raise UsageError(
                        f"{name!r} is registered by {found[name].origin} and by {plugin.origin}: "
                        "rename one of them or leave one out."
                    )
                found[name] = Named(name, spec, spec, plugin.origin)
        return found


def student(text: str) -> list[Named[Student]]:
    """Return the students of a request such as "convnet3[width=64]" or "timm/vit_tiny"."""
    from bench.backbones import find_student

    found = []
    for request in specs.sweep(specs.parse(text)):
        spec = find_student(request.name)
        found.append(_configured(Named(request.name, spec, spec), request))
    return found


def load(files: Iterable[Path] = ()) -> Registry:
    """Return the registry with installed plugins (entry points) and plugin files.

    Raises UsageError if a plugin cannot be loaded or if the rooms come from different
    installations.
    """
    check_rooms()
    return Registry((*_entry_points(), *(_plugin_file(Path(file)) for file in files)))


@functools.cache
def check_rooms() -> None:
    """Raise UsageError if a folder or module of the user's shadows one of the rooms."""
    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        found = importlib.util.find_spec(room)
        place = Path(found.origin).resolve().parent if found and found.origin else None
        if place != home / room:
            where = place or (found and found.submodule_search_locations) or "nowhere"
            raise UsageError(
                f"The package `{room}` was expected in {home} but comes from {where}: "
                f"rename that `{room}` or start `bench` from another folder."
            )


def _configured(named: Named[S], request: specs.Request) -> Named[S]:
    named = named.with_fields(dict(request.fields))
    return dataclasses.replace(named, name=request.alias or named.name)


def _known(kind: str, name: str, known: Mapping[str, Named[S]]) -> Named[S]:
    if name not in known:
        raise unknown_name(kind, name, known)
    return known[name]


def _entry_points() -> list[Plugin]:
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
            found.setdefault(owner, {}).setdefault(kind, {})[point.name] = _instance(spec)
    return [
        Plugin(
            owner,
            f"{owner} {importlib.metadata.version(owner)}",
            kinds.get("methods", {}),
            kinds.get("protocols", {}),
        )
        for owner, kinds in found.items()
    ]


def _instance(spec: Any) -> Any:
    """Return an instance where a plugin gave a class."""
    return spec() if isinstance(spec, type) else spec


def _from_file(text: str) -> Named[Method]:
    """Return the method of a request `mine.py:MyMethod`."""
    file, _, name = text.rpartition(":")
    module, origin = _module_of(Path(file))
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise unknown_name("method", name, public, of=file)
    spec = cast("Method", _instance(getattr(module, name)))
    return Named(f"{Path(file).stem}/{name}", spec, spec, origin)


def _plugin_file(path: Path) -> Plugin:
    module, origin = _module_of(path)
    methods, protocols = getattr(module, "METHODS", {}), getattr(module, "PROTOCOLS", {})
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
    except Exception as error:
        raise UsageError(
            f"The plugin {str(path)!r} cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return module, f"{path.name} sha256:{digest}"
