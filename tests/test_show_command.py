"""What `bench show` prints of texts that others wrote."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import pytest

from bench.records import Data, Described, Provenance, Record, encode
from bench.store import Store

sys.path.append(str(Path(__file__).parent / "reports"))  # for `hostile`, which is no test


def record_of(text: str) -> Record:
    from hostile import hostile

    provenance = Provenance("2026", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")
    plain = Record(
        kind="distillation",
        key="abc",
        data=Data("set", "train", "test", "aa", "bb", 2),
        method=Described("random", "random", "random", asked={}, fields={}),
        ipc=1,
        seed=0,
        stochastic=True,
        distilled="cc",
        provenance=provenance,
    )
    return hostile([plain], text)[0]


@pytest.mark.parametrize("text", ["a\x9b2Jb", "a\u202eb\u200bc", "\x1b[2J\x7f", "\U000e0041é蒸"])
def test_it_is_the_same_json_without_characters_that_a_terminal_obeys(bench, tmp_path, text):
    store = Store.open(tmp_path / "run")
    store.add(record_of(text))
    answer = bench("show", "abc", "--out", store.root)
    assert answer.status == 0
    assert json.loads(answer.out) == json.loads(encode(record_of(text)))
    categories = {unicodedata.category(char) for char in answer.out if char != "\n"}
    assert not categories & {"Cc", "Cf", "Cs"}
