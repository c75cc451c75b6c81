"""The methods and protocols one run knows, looked up by the text a user wrote.

The registries are literal dictionaries in the rooms themselves; this module adds what third
parties bring, under names of their own: `vendor/name`.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench import plugins, specs
from bench.errors import UsageError, unknown_name
from bench.named import Named
from bench.plugins import Plugin

if TYPE_CHECKING:
    from bench.contracts import EvalProtocol, Method

S = TypeVar("S")

ROOMS = ("bench", "methods", "protocols", "leaderboards", "reports")


@dataclass(frozen=True)
class Registry:
    """The names one run knows: this project's and those of its plugins."""

    plugins: tuple[Plugin, ...] = ()

    def methods(self) -> dict[str, Named[Method]]:
        """Return what "all" means: this project's methods, then those of plugins."""
        from methods import PRESETS

        return {name: one for name, one in self._methods().items() if name not in PRESETS}

    def presets(self) -> dict[str, Named[Method]]:
        """Return further settings of these methods, such as those of a paper, by name."""
        from methods import PRESETS

        return {name: one for name, one in self._methods().items() if name in PRESETS}

    def protocols(self) -> dict[str, Named[EvalProtocol]]:
        """Return all registered protocols, this project's first."""
        from protocols import PROTOCOLS

        return self._with_plugins("protocols", PROTOCOLS)

    def method(self, text: str) -> list[Named[Method]]:
        """Return the methods of a request: "all", a sweep, or a single one."""
        if text == "all":
            return [replace(named, optional=True) for named in self.methods().values()]
        return [self._method(request) for request in specs.sweep(specs.parse(text))]

    def _method(self, request: specs.Request) -> Named[Method]:
        if request.name.startswith("folder:"):
            from methods.folder import Folder

            pattern = request.name.removeprefix("folder:")
            spec: Method = Folder(pattern=pattern)
            known = self._methods()
            name = request.alias or Path(pattern.split("{")[0]).name or "folder"
            if request.alias is None and name in known:
                name = f"folder:{name}"
            # Until it is configured it has no name of its own, so that no alias is taken for one.
            named = Named(request.name, spec, spec, kind=f"folder:{name}")
            return named.configured(replace(request, alias=name), known)
        if ".py:" in request.name:
            return plugins.method_of_file(request.name).configured(request, self._methods())
        known = self._methods()
        if request.name not in known:
            raise unknown_name("method", request.name, known)
        return known[request.name].configured(request, known)

    def protocol(self, text: str) -> list[Named[EvalProtocol]]:
        """Return the protocols of a request; aliases become the names they stand for."""
        from protocols import ALIASES

        found = []
        for request in specs.sweep(specs.parse(text)):
            name = ALIASES.get(request.name, request.name)
            known = self.protocols()
            if name not in known:
                raise unknown_name("protocol", name, [*ALIASES, *known])
            found.append(known[name].configured(request, [*ALIASES, *known]))
        return found

    def _methods(self) -> dict[str, Named[Method]]:
        """Return methods and presets; those of one class have one identity, its first name's."""
        from methods import METHODS, PRESETS

        found = self._with_plugins("methods", {**METHODS, **PRESETS})
        first: dict[type[Method], str] = {}
        for name, spec in METHODS.items():
            first.setdefault(type(spec), name)
        own = {n: replace(found[n], kind=first[type(found[n].asked)]) for n in (*METHODS, *PRESETS)}
        return {**found, **own}

    def _with_plugins(self, kind: str, own: Mapping[str, S]) -> dict[str, Named[S]]:
        found = {name: Named(name, spec, spec) for name, spec in own.items()}
        for plugin in self.plugins:
            for short, spec in getattr(plugin, kind).items():
                name = f"{plugin.vendor}/{short}"
                if name in found:
                    raise UsageError(
                        f"{name!r} is registered by {found[name].origin or 'this project'} and by "
                        f"{plugin.origin}: "
                        "rename one of them or leave one out."
                    )
                found[name] = Named(name, spec, spec, plugin.origin)
        return found


def load(files: Iterable[Path] = ()) -> Registry:
    """Return the registry with installed plugins (entry points) and plugin files.

    Raises UsageError if a plugin cannot be loaded or if the rooms come from different
    installations.
    """
    check_rooms()
    return Registry((*plugins.installed(), *(plugins.of_file(Path(file)) for file in files)))


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
