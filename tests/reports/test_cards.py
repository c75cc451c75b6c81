"""Cards of protocols and methods, field by field."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.records import Described
from reports.material import gather
from reports.page import cards


def values(record, asked, fields, identity="soft"):
    """Return what the card of a protocol with these fields says, by field."""
    protocol = Described("soft", "soft", identity, asked=asked, fields=fields)
    material = gather([replace(record(), protocol=protocol)])
    (card,) = cards.protocols(material)
    return {field.name: field.values for field in card.fields}


@pytest.mark.parametrize(
    ("name", "asked", "run", "said"),
    [
        ("epochs_scale", 0.15, 1.0, "0.15, applied to epochs"),
        ("epochs_scale", 1.0, 1.0, "1"),
        ("features", "auto", "embedded", "embedded, asked for as auto"),
        ("batch", None, 10, "10"),
        ("checkpoints", [], [], "none"),
        ("weights", None, None, "none"),
        ("teacher", None, {}, "embedded"),
        ("sampling", {"cfg": 4.0, "size": None}, {"cfg": 4.0, "size": 8}, "{cfg=4, size=8}"),
    ],
)
def test_a_field_says_what_was_run_and_what_was_asked_for_where_they_differ(
    record, name, asked, run, said
):
    identity = "soft/rded+batch=10,teacher=embedded,temperature=20.0"
    assert values(record, {name: asked}, {name: run}, identity) == {name: (said,)}
