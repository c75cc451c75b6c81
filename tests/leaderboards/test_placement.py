from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.records import Data, Described, Provenance, Record
from bench.scores import SCORES
from leaderboards import build
from leaderboards.headings import NOBODY
from leaderboards.placement import Place

PROVENANCE = Provenance("2026-01-01", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")
SCORE_NAMES = [name for name, score in SCORES.items() if score.group == "images"]


def described(label: str) -> Described:
    return Described(label, label, label, asked={}, fields={})


def hard(method="random", at=(0, 0), value=50.0) -> Record:
    return Record(
        kind="evaluation",
        key=f"{method}/{at}",
        data=Data("nette", "train", "val", "t1", "v1", 10),
        method=described(method),
        ipc=10,
        seed=at[0],
        stochastic=True,
        protocol=described("hard"),
        student=described("convnet3"),
        student_seed=at,
        distilled=f"{method}/{at[0]}",
        scores={"top1_last": value, "top1_best": value},
        provenance=PROVENANCE,
    )


def fidelity(method="random", seed=0, networks=("embedded", "embedded"), distilled=50, **changes):
    """Return the record of one metric pass: FID's network, then that of the embedding."""
    of = {"distribution": networks[0], "embedding": networks[1]}
    cards = {
        name: {"extractor": of[SCORES[name].block], "real": 500, "distilled": distilled}
        for name in SCORE_NAMES
    }
    return replace(
        hard(method, (seed, 0)),
        key=f"{method}/{seed}/{networks}/{distilled}",
        protocol=described("fidelity"),
        student=None,
        student_seed=None,
        scores=dict.fromkeys(SCORE_NAMES, float(seed)) | changes,
        cards=cards,
    )


def test_blocks_stand_in_the_order_accuracy_fid_embedding_costs():
    cost = replace(
        hard(), key="cost", kind="distillation", protocol=None, student=None, facts={"images": 100}
    )
    (board,) = build([cost, fidelity(), hard()])
    blocks = list(dict.fromkeys((column.group, column.block) for column in board.columns))
    assert blocks == [
        ("hard", ""),
        ("images", "distribution"),
        ("images", "embedding"),
        ("cost", ""),
    ]


def test_the_scores_of_the_images_stand_ranked_first_and_then_as_in_the_table():
    (board,) = build([fidelity()])
    assert [column.metric for column in board.columns] == SCORE_NAMES
    assert [c.metric for c in board.columns if c.score.ranked] == ["fid", "embedding_l2"]


def test_columns_of_one_network_and_kind_stand_together():
    networks = [("b", "b"), ("a", "b"), ("b", "a")]
    records = [fidelity(str(index), networks=pair) for index, pair in enumerate(networks)]
    (board,) = build(records)
    blocks = [(column.block, column.facts["extractor"]) for column in board.columns]
    assert blocks == sorted(blocks)
    assert len(set(blocks)) == 4


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("mn"),
            st.integers(0, 2),
            st.sampled_from(["embedded", "inception"]),
            st.sampled_from([49, 50]),
        ),
        min_size=1,
        max_size=8,
        unique=True,
    )
)
def test_networks_and_numbers_of_images_never_share_a_column(runs):
    records = [
        fidelity(method, seed, (network, network), images, fid=float(index))
        for index, (method, seed, network, images) in enumerate(runs)
    ]
    (board,) = build(records)
    for place, column in enumerate(board.columns):
        if column.metric != "fid":
            continue
        here = (column.facts["extractor"], column.facts["distilled"])
        for row in board.rows:
            expected = {
                float(index)
                for index, (method, _, network, images) in enumerate(runs)
                if row.name.label == method and here == (network, str(images))
            }
            cell = row.cells[place]
            assert {value.number for value in cell.values} == expected if cell else not expected


def test_fewer_images_stand_before_more():
    (board,) = build([fidelity(str(n), distilled=n) for n in (1000, 50, 200)])
    found = [column.facts["distilled"] for column in board.columns if column.metric == "fid"]
    assert found == ["50", "200", "1000"]


def test_a_metric_pass_counts_once_a_set_and_has_no_student():
    (board,) = build([fidelity(seed=seed) for seed in range(3)])
    cell = board.rows[0].cells[0]
    assert [(value.seed, value.student, value.number) for value in cell.values] == [
        (0, (), 0.0),
        (1, (), 1.0),
        (2, (), 2.0),
    ]
    assert (cell.n_sets, cell.n_students, cell.over) == (3, 0, "sets")


def test_a_value_of_a_student_names_the_seed_of_its_distillation():
    (board,) = build([hard(at=(3, 1))])
    (value,) = board.rows[0].cells[0].values
    assert (value.seed, value.student) == (3, (3, 1))


def test_a_method_without_randomness_has_one_fid_and_no_interval():
    (board,) = build([replace(fidelity(fid=9.0), stochastic=False)])
    cell = board.rows[0].cells[0]
    assert (cell.mean, cell.std, cell.low, cell.std_sets) == (9.0, None, None, None)


@pytest.mark.parametrize(("group", "metric"), [("other", "seconds"), ("cost", "fid")])
def test_a_score_of_a_plugin_that_is_called_like_another_thing_is_read_as_none(group, metric):
    score = Place(group, NOBODY, NOBODY, metric, ()).score()
    assert (score.title, score.ranked, score.block) == (metric, False, "")


@given(st.lists(st.sampled_from([*SCORES, "vendor"]), min_size=2, unique=True))
def test_any_scores_of_one_protocol_can_be_put_in_order(metrics):
    places = [Place("images", described_name(), NOBODY, metric, ()) for metric in metrics]
    placed = sorted(places, key=Place.order)
    assert {place.metric for place in placed} == set(metrics)
    assert all(a.order() <= b.order() for a, b in pairwise(placed))


def described_name():
    return NOBODY._replace(label="vendor")
