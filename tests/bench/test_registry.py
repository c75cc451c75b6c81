"""Names of methods: what "all" means, presets beside it, and one identity for one class."""

import dataclasses

import pytest

from bench.errors import UsageError
from bench.named import Named
from bench.plugins import Plugin
from bench.registry import Registry
from bench.sampling.subgroups import S3
from methods import METHODS, PRESETS


def _one(text):
    (named,) = Registry().method(text)
    return named


def _identity(text):
    named = _one(text)
    return named.identity(named.asked)


def test_all_means_the_methods_and_no_preset():
    assert [named.name for named in Registry().method("all")] == list(METHODS)
    assert not METHODS.keys() & PRESETS.keys()


def test_presets_are_known_by_name_and_are_settings_of_registered_methods():
    assert Registry().presets().keys() == PRESETS.keys()
    classes = {type(spec) for spec in METHODS.values()}
    for name, spec in PRESETS.items():
        assert type(spec) in classes
        assert name.partition("/")[0] in METHODS
        assert _one(name) == dataclasses.replace(Registry().presets()[name])


@pytest.mark.parametrize("name", PRESETS)
def test_the_identity_of_a_preset_is_that_of_its_class_with_its_fields(name):
    first = next(n for n, spec in METHODS.items() if type(spec) is type(PRESETS[name]))
    assert _identity(name) == Named(first, PRESETS[name], PRESETS[name]).identity(PRESETS[name])


def test_s3_is_dit_with_a_selection():
    assert _identity("s3") == _identity("dit[select=s3]")
    assert _identity("s3[groups=3]") == _identity("dit[select=s3[groups=3]]")
    assert _identity("s3[select=none]") == _identity("dit")
    assert _one("s3[groups=3]").asked.sampling.select == S3(groups=3)
    assert _identity("s3/code") == _identity("s3[alpha=0.4,beta=0.9]")
    assert _identity("s3/paper") == _identity("dit[select=s3[convention=paper,start=random]]")


def test_tables_call_each_by_its_own_name():
    assert [_one(name).label for name in ("dit", "s3", "s3/code")] == ["dit", "s3", "s3/code"]
    assert _one("dit[select=s3]").label == "dit+sampling[select=s3]"


def test_an_alias_cannot_be_the_name_of_a_preset():
    with pytest.raises(UsageError, match="'s3/code' is a registered name"):
        Registry().method("s3/code=dit")


def test_a_folder_cannot_take_the_name_of_a_method_and_is_told_from_it():
    words = "'random' is a registered name and cannot stand for 'folder:out': choose another alias."
    with pytest.raises(UsageError) as caught:
        Registry().method("random=folder:out")
    assert str(caught.value) == words
    assert _one("folder:out/random").label == "folder:random"
    ours = _one("ours=folder:out/random")
    assert (ours.label, ours.kind) == ("ours", "folder:ours")
    assert _one("folder:out/mine[take=first]").label == _one("mine=folder:x[take=first]").label


def test_a_misspelt_preset_is_refused_with_the_closest_name():
    with pytest.raises(UsageError, match="Did you mean 's3/code'"):
        Registry().method("s3/cod")


def test_a_plugin_cannot_take_the_name_of_a_preset():
    plugin = Plugin("s3", "s3.py", {"code": METHODS["random"]}, {})
    with pytest.raises(UsageError, match=r"'s3/code' is registered by this project and by s3\.py"):
        Registry((plugin,)).methods()
    theirs = Registry((Plugin("other", "o.py", {"code": METHODS["random"]}, {}),))
    assert list(theirs.methods())[-1] == "other/code"
    assert "other/code" not in theirs.presets()
    assert theirs.methods()["other/code"].identity(METHODS["random"]) == "other/code"


def test_a_setting_for_a_method_reaches_its_presets_as_well():
    from bench.request import RunSpec, Selection

    run = RunSpec(methods=("s3", "s3/code", "dit"), settings=("s3.groups=2",))
    groups = [
        named.asked.sampling.select and named.asked.sampling.select.groups
        for named in Selection.of(run, Registry()).methods
    ]
    assert groups == [2, 2, None]


def test_presets_are_listed_after_the_methods_with_what_they_change(bench):
    rows = dict(line.split(maxsplit=1) for line in bench("list", "methods").out.splitlines()[1:])
    assert list(rows) == [*METHODS, *PRESETS, "folder:PATH"]
    assert rows["s3"] == "dit with select=s3"
    assert rows["s3/paper"] == "dit with select=s3[convention=paper, start=random]"
    assert "groups: int = 5" in bench("list", "methods", "s3/code").out


def test_a_selection_is_compared_field_by_field(bench):
    compared = bench("list", "methods", "--diff", "s3", "s3[groups=3,alpha=1]").out.splitlines()[1:]
    assert [line.split() for line in compared] == [
        ["sampling.select.groups", "5", "3"],
        ["sampling.select.alpha", "None", "1.0"],
    ]
    assert "sampling.select " in bench("list", "methods", "--diff", "dit", "s3").out
