from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import specs
from bench.errors import UsageError


@dataclass(frozen=True)
class Sampling:
    steps: int = 50
    scheduler: Literal["ddpm", "ddim"] = "ddpm"


@dataclass(frozen=True)
class Spec:
    revision: ClassVar[int] = 1
    lr: float | None = None
    epochs: int = 10
    scale: tuple[float, float] = (0.5, 1.0)
    name: str = "x"
    on: bool = False
    path: str = field(default="", metadata={"identity": False})
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"`epochs` must be at least 1, got {self.epochs}.")


class Revised(Spec):
    revision: ClassVar[int] = 3


@dataclass(frozen=True)
class TwoSamplings:
    first: Sampling = Sampling()
    second: Sampling = Sampling()


def test_brackets_nest_and_separate():
    request = specs.parse("ours=mgd3[select=s3[groups=3,k=(1,2)],strength=0.5]")
    assert request.alias == "ours"
    assert request.name == "mgd3"
    assert request.fields == (("select", "s3[groups=3,k=(1,2)]"), ("strength", "0.5"))


@pytest.mark.parametrize("text", ["a[", "a[b]", "a]", "a[b=]", "", "[b=1]", "a[b=(1]", "=a"])
def test_a_malformed_request_is_refused(text):
    with pytest.raises(UsageError):
        specs.parse(text)


def test_an_equals_sign_in_a_path_is_no_alias():
    assert specs.parse("folder:/a/ipc=1[take=first]").name == "folder:/a/ipc=1"


def test_a_bar_sweeps_over_every_combination():
    swept = specs.sweep(specs.parse("a[x=0|1,y=p|q]"))
    assert [dict(request.fields) for request in swept] == [
        {"x": "0", "y": "p"},
        {"x": "0", "y": "q"},
        {"x": "1", "y": "p"},
        {"x": "1", "y": "q"},
    ]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("lr", "1e-3", 0.001),
        ("lr", "none", None),
        ("epochs", "7", 7),
        ("scale", "(0.08,1)", (0.08, 1.0)),
        ("name", "none", "none"),
        ("name", "12", "12"),
        ("on", "true", True),
    ],
)
def test_text_becomes_a_value_of_the_fields_type(key, text, value):
    assert getattr(specs.override(Spec(), {key: text}, "spec"), key) == value


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lr": "fast"}, "`spec[lr]` must be a number or none, got 'fast'"),
        ({"lr": "nan"}, "finite"),
        ({"epochs": "1.5"}, "a whole number"),
        ({"epochs": "0"}, "`epochs` must be at least 1, got 0"),
        ({"scale": "(1)"}, "a list"),
        ({"scheduler": "euler"}, "one of 'ddpm', 'ddim'"),
        ({"epoch": "3"}, "Did you mean 'epochs'?"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(fields, words):
    with pytest.raises(UsageError) as caught:
        specs.override(Spec(), fields, "spec")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_short_key_reaches_into_a_nested_spec():
    assert specs.override(Spec(), {"steps": "20"}, "spec").sampling == Sampling(steps=20)


def test_an_ambiguous_short_key_is_refused():
    with pytest.raises(UsageError, match="ambiguous"):
        specs.override(TwoSamplings(), {"steps": "20"}, "spec")


def test_the_identity_names_what_differs_from_the_class_defaults_and_nothing_else():
    assert specs.identity("spec", Spec()) == "spec"
    changed = Spec(lr=0.1, sampling=Sampling(steps=20), path="/somewhere")
    assert specs.identity("spec", changed) == "spec+lr=0.1,sampling[steps=20]"
    assert specs.identity("spec", Revised()) == "spec@3"


def test_a_nested_spec_enters_with_its_revision_and_its_type():
    @dataclass(frozen=True)
    class Newer(Sampling):
        revision: ClassVar[int] = 2

    identities = {specs.identity("s", Spec(sampling=s)) for s in (Sampling(), Newer(), Newer(7))}
    assert identities == {"s", "s+sampling=Newer@2[]", "s+sampling=Newer@2[steps=7]"}


def test_the_label_names_what_differs_from_the_preset():
    preset = Spec(lr=0.1)
    assert specs.label("preset", preset, preset) == "preset"
    assert specs.label("preset", Spec(lr=0.1, epochs=3), preset) == "preset+epochs=3"


def test_equal_values_of_different_types_are_different_identities():
    assert specs.identity("s", Spec(lr=None)) != specs.identity("s", Spec(lr=0.0))


@given(lr=st.none() | st.floats(0, 1), epochs=st.integers(1, 99), on=st.booleans())
def test_equal_identities_mean_equal_specs(lr, epochs, on):
    one, default = Spec(lr=lr, epochs=epochs, on=on), Spec()
    assert (specs.identity("s", one) == specs.identity("s", default)) == (one == default)


@given(st.text(alphabet="ab[](){},=|", max_size=12))
def test_any_text_is_parsed_or_refused_as_wrong_usage(text):
    try:
        request = specs.parse(text)
    except UsageError:
        return
    assert request.name


# Fields that take a spec by name.


@dataclass(frozen=True)
class Pick:
    revision: ClassVar[int] = 2
    count: int = 5
    kind: Literal["a", "b"] = "a"


CHOICES = {"all": None, "pick": Pick(), "pick-b": Pick(kind="b")}


@dataclass(frozen=True)
class Choosing:
    revision: ClassVar[int] = 1
    select: Pick | None = field(default=None, metadata={"choices": lambda: CHOICES})
    steps: int = 50


@dataclass(frozen=True)
class Outer:
    revision: ClassVar[int] = 1
    inner: Choosing = field(default_factory=Choosing)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pick", Pick()),
        ("pick-b", Pick(kind="b")),
        ("pick[count=3]", Pick(count=3)),
        ("pick[count=3,kind=b]", Pick(3, "b")),
        ("all", None),
        ("none", None),
    ],
)
def test_a_field_with_choices_reads_one_of_them_with_its_fields(text, value):
    assert specs.override(Outer(), {"select": text}, "spec").inner.select == value


def test_a_short_key_reaches_into_a_chosen_spec():
    chosen = specs.override(Outer(), {"select": "pick", "count": "3"}, "spec")
    assert chosen.inner.select == Pick(count=3)
    assert specs.has_field(chosen, "count")
    assert not specs.has_field(Outer(), "count")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pock", "Did you mean 'pick'?"),
        ("pick[number=3]", "Unknown field 'number' of 'pick'"),
        ("pick[count=many]", "`pick[count]` must be a whole number"),
        ("all[count=3]", "'all' of `spec[select]` has no fields"),
        ("mine=pick", "expects `name[field=value,...]`, got 'mine=pick'"),
        ("pick[count=3", "Brackets must pair up"),
    ],
)
def test_a_wrong_choice_is_refused_in_one_sentence(text, words):
    with pytest.raises(UsageError) as caught:
        specs.override(Choosing(), {"select": text}, "spec")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_identity_holds_the_name_of_a_choice_its_revision_and_its_changes():
    def identity(text):
        return specs.identity("s", specs.override(Outer(), {"select": text}, "spec"))

    assert identity("none") == identity("all") == "s"
    assert identity("pick") == "s+inner[select=pick@2]"
    assert identity("pick[kind=b]") == identity("pick-b") == "s+inner[select=pick@2[kind=b]]"


def test_a_bar_within_brackets_sweeps_too():
    swept = specs.sweep(specs.parse("a[select=pick[count=1|2,kind=b]|all,x=0|1]"))
    assert [dict(request.fields) for request in swept] == [
        {"select": select, "x": x}
        for select in ("pick[count=1,kind=b]", "pick[count=2,kind=b]", "all")
        for x in "01"
    ]


def test_a_path_with_dots_names_one_field_of_several():
    changed = specs.override(TwoSamplings(), {"second.steps": "20"}, "spec")
    assert changed.second.steps == 20
    assert changed.first == TwoSamplings().first


def test_a_path_that_leads_nowhere_is_refused():
    with pytest.raises(UsageError, match="Unknown field"):
        specs.override(TwoSamplings(), {"second.stepz": "20"}, "spec")


def test_none_is_the_choice_of_that_name_where_there_is_one():
    @dataclass(frozen=True)
    class Pooled:
        pooling: Literal["none", "mean"] | None = None
        other: Literal["mean"] | None = "mean"

    changed = specs.override(Pooled(), {"pooling": "none", "other": "none"}, "pooled")
    assert changed == Pooled("none", None)
