"""The tunings that come with the package: those of the bare methods, for both procedural sets."""

import pytest
import torch
from safetensors.torch import load_file

from bench.artefacts import default_cache
from bench.data import open_real_set
from bench.generators.architecture import embedded_transformer
from bench.generators.embedded import Embedded
from bench.shipped import SETS
from bench.tuning.difference import Difference
from bench.tuning.files import read_tuned, training_of
from bench.tuning.shipped import FOLDER, name_of
from bench.tuning.specs import TUNINGS
from methods import METHODS

TUNED = ["minimax", "im", "ims3"]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Use the package's own generator, not the tiny one of the other tests."""
    from bench.generators import GENERATORS

    monkeypatch.setitem(GENERATORS, "embedded", Embedded("as shipped"))


@pytest.fixture(scope="module")
def cards():
    return {name: open_real_set(name, data_root=None, cache=default_cache()).card for name in SETS}


def run_of(name, card):
    sampling = METHODS[name].resolve(card, 1).sampling
    return sampling.network(card, 0).run


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("name", TUNED)
def test_the_package_brings_what_a_bare_method_would_train(name, dataset, cards, tmp_path):
    run = run_of(name, cards[dataset])
    path = FOLDER / name_of(run)
    assert training_of(path) == run.identity
    (tmp_path / "tuned.safetensors").write_bytes(path.read_bytes())
    names = set(Difference.of(embedded_transformer()).names())
    for average in (True, False):
        tensors = read_tuned(tmp_path, run.identity, average=average)
        assert tensors.keys() == names
        assert any(tensor.any() for tensor in tensors.values())


def test_every_named_tuning_is_brought_and_nothing_else(cards):
    expected = {name_of(run_of(name, card)) for name in TUNED for card in cards.values()}
    assert {path.name for path in FOLDER.glob("*.safetensors")} == expected
    assert [name for name, tuning in TUNINGS.items() if tuning is not None] == TUNED


def test_tunings_of_the_two_sets_differ(cards):
    raw = []
    for card in cards.values():
        run = run_of("minimax", card)
        raw.append(load_file(FOLDER / name_of(run)))
    assert any(not torch.equal(raw[0][name], raw[1][name]) for name in raw[0])
