"""Specs under the names they go by, as they were asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from bench import specs
from bench.errors import UsageError

S = TypeVar("S")


@dataclass(frozen=True)
class Named(Generic[S]):
    """A spec with the name it goes by."""

    name: str
    """What tables call it: the alias a request gave, or the canonical name."""
    asked: S
    """As requested: None means as published for the set, IPC and student at hand."""
    preset: S
    """The registered instance, to say which fields a request has changed."""
    origin: str = ""
    """Where a third party's spec comes from, with version or file hash; "" is this project."""
    kind: str = ""
    """Canonical name, which decides the identity whatever alias is given; "" is `name`."""
    optional: bool = False
    """Whether it came with "all": where it cannot serve a set, it is left out with a sentence."""
    suited: S | None = None
    """The registered instance with a suite's defaults, where there are any for it."""

    @property
    def label(self) -> str:
        """Return the name with the fields that the request changed, for tables."""
        return specs.label(self.name, self.asked, self.preset)

    @property
    def short(self) -> str:
        """Return the label without what a suite sets for all; "" if that leaves nothing out."""
        if self.suited is None:
            return ""
        short = specs.label(self.name, self.asked, self.suited)
        return "" if short == self.label else short

    def identity(self, resolved: S) -> str:
        """Return the canonical name with all that decides the results of the resolved spec."""
        return specs.identity(self.kind or self.name, resolved)

    def with_fields(self, fields: Mapping[str, str]) -> Named[S]:
        """Return the same name with some fields replaced by values given as text."""
        return dataclasses.replace(self, asked=specs.override(self.asked, fields, self.name))

    def with_defaults(self, fields: Mapping[str, str]) -> Named[S]:
        """Return the same with some fields replaced, which its short label then leaves out."""
        base = self.preset if self.suited is None else self.suited
        suited = specs.override(base, fields, self.name)
        return dataclasses.replace(self.with_fields(fields), suited=suited)

    def configured(self, request: specs.Request, known: Collection[str] = ()) -> Named[S]:
        """Return the spec with a request's fields, under its alias if it has one.

        UsageError if the alias is one of the `known` names, which mean something else.
        """
        alias = request.alias
        if alias and alias != self.name and alias in known:
            raise UsageError(
                f"{alias!r} is a registered name and cannot stand for {self.name!r}: choose "
                "another alias."
            )
        named = self.with_fields(dict(request.fields))
        kind = self.kind or self.name
        return dataclasses.replace(named, name=alias or self.name, kind=kind)
