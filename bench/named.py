"""Specs under the names they go by, as they were asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from bench import specs

S = TypeVar("S")


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

    def configured(self, request: specs.Request) -> Named[S]:
        """Return the spec with a request's fields, under its alias if it has one."""
        named = self.with_fields(dict(request.fields))
        return dataclasses.replace(named, name=request.alias or named.name)
