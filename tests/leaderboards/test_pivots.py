"""A paper's tables hold every cell of the boards once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboards import build
from leaderboards.figures.pivots import METRICS, pivots

REQUEST = st.tuples(
    st.sampled_from(["random", "kmeans", "full"]),
    st.sampled_from(["nette", "woof"]),
    st.sampled_from(["t1", "t2"]),
    st.sampled_from([1, 10]),
    st.sampled_from([("hard", "hard"), ("soft", "soft"), ("hard", "hard+epochs=9")]),
    st.sampled_from(["convnet3", "resnet18", ""]),
    st.sampled_from([("random", ""), ("random+b=1", ""), ("random", "plug 1")]),
)


@given(requests=st.lists(REQUEST, max_size=25, unique=True))
@settings(max_examples=60)
def test_every_cell_is_in_exactly_one_table(student, metric, described, requests):
    records = []
    for at, (method, dataset, train, ipc, protocol, net, (identity, origin)) in enumerate(requests):
        made = (student if net else metric)(
            float(at),
            dataset=dataset,
            key=str(at),
            ipc=None if method == "full" else ipc,
            distilled=str(at),
            **({"student": described(net)} if net else {}),
        )
        records.append(
            replace(
                made,
                data=replace(made.data, train_revision=train),
                method=described(method, identity=f"{method}/{identity}", origin=origin),
                protocol=described(protocol[0], identity=protocol[1]),
            )
        )
    boards = build(records)
    wanted = Counter(
        (at, place, cell)
        for at, board in enumerate(boards)
        for row in board.rows
        for place, cell in enumerate(row.cells)
        if cell is not None and board.columns[place].metric in METRICS
    )
    found = Counter(
        (head.board, head.column, cell)
        for pivot in pivots(boards)
        for row in pivot.rows
        for head, cell in zip(pivot.heads, row.cells, strict=True)
        if cell is not None
    )
    assert found == wanted


def means(pivot) -> dict[str, list[float | None]]:
    return {row.method: [cell and cell.mean for cell in row.cells] for row in pivot.rows}


def test_methods_down_sets_and_ipcs_across(student):
    records = [
        student(value, method=method, dataset=dataset, ipc=ipc, key=f"{method}{dataset}{ipc}")
        for method, dataset, ipc, value in [
            ("a", "nette", 1, 10.0),
            ("b", "nette", 1, 20.0),
            ("a", "nette", 10, 40.0),
            ("b", "nette", 10, 30.0),
            ("c", "woof", 1, 5.0),
        ]
    ]
    records.append(student(90.0, method="full", ipc=None, key="full"))
    (pivot,) = pivots(build(records))
    assert [(head.dataset, head.ipc) for head in pivot.heads] == [
        ("nette", 1),
        ("nette", 10),
        ("woof", 1),
    ]
    assert means(pivot) == {
        "b": [20.0, 30.0, None],
        "a": [10.0, 40.0, None],
        "c": [None, None, 5.0],
        "full": [90.0, 90.0, None],
    }
    assert list(means(pivot)) == ["b", "a", "c", "full"]
    assert [row.reference for row in pivot.rows] == [False, False, False, True]
    assert (pivot.protocol, pivot.student, pivot.metric) == ("hard", "convnet3", "top1_last")


def test_what_the_ipc_resolves_does_not_split_a_method_or_a_table(student, described):
    records = [
        replace(
            student(float(ipc), ipc=ipc, key=str(ipc)),
            method=described("mgd3", identity=f"mgd3+modes={ipc}"),
            protocol=described("hard", identity=f"hard+epochs={ipc}"),
        )
        for ipc in (1, 10)
    ]
    (pivot,) = pivots(build(records))
    assert means(pivot) == {"mgd3": [1.0, 10.0]}


def test_a_label_that_means_two_identities_keeps_both(student, described):
    records = [
        replace(
            student(value, ipc=ipc, key=f"{identity}{ipc}"),
            method=described("mine", identity=identity),
            distilled=identity,
        )
        for identity, ipc, value in [
            ("mine+x=1", 1, 1.0),
            ("mine+x=2", 1, 2.0),
            ("mine+x=1", 10, 3.0),
        ]
    ]
    (pivot,) = pivots(build(records))
    assert means(pivot) == {"mine (mine+x=2)": [2.0, None], "mine (mine+x=1)": [1.0, 3.0]}


def test_a_folder_that_changed_has_a_row_for_each_of_its_sets(student):
    records = [
        student(float(at), method="folder", stochastic=False, distilled=name, key=name, ipc=ipc)
        for at, (name, ipc) in enumerate([("aaaa", 1), ("bbbb", 1), ("cccc", 10)])
    ]
    (pivot,) = pivots(build(records))
    assert means(pivot) == {
        "folder (set bbbb)": [1.0, None],
        "folder (set aaaa)": [0.0, None],
        "folder": [None, 2.0],
    }


def test_equal_labels_of_two_origins_are_told_apart(student, described):
    records = [
        replace(student(value, ipc=ipc, key=origin), method=described("mine", origin=origin))
        for origin, ipc, value in [("plug 1", 1, 1.0), ("", 10, 2.0)]
    ]
    (pivot,) = pivots(build(records))
    assert means(pivot) == {"mine (plug 1)": [1.0, None], "mine (built in)": [None, 2.0]}


def test_a_short_heading_is_kept_where_all_boards_have_it(student, described):
    records = [
        replace(
            student(float(ipc), ipc=ipc, key=str(ipc)),
            method=described("dit+steps=20", short="dit"),
        )
        for ipc in (1, 10)
    ]
    (pivot,) = pivots(build(records))
    assert list(means(pivot)) == ["dit"]


def test_counts_of_images_make_no_table_of_their_own_but_networks_do(metric):
    def card(network, distilled):
        return {"extractor": network, "distilled": distilled, "real": 5000}

    records = [
        metric(40.0, ipc=ipc, key=f"{ipc}{network}", card=card(network, 10 * ipc))
        for ipc in (1, 10)
        for network in ("inception", "resnet")
    ]
    found = pivots(build(records))
    assert [dict(pivot.card)["extractor"] for pivot in found] == ["inception", "resnet"]
    assert [len(pivot.heads) for pivot in found] == [2, 2]
    assert dict(found[0].card)["distilled"] == "10, 100"
    assert dict(found[0].card)["real"] == "5000"


def test_sets_of_one_name_are_headed_by_their_revisions(student):
    records = [student(1.0, key="1"), student(2.0, key="2")]
    records[1] = replace(records[1], data=replace(records[1].data, train_revision="sha256:99ff"))
    (pivot,) = pivots(build(records))
    assert [head.dataset for head in pivot.heads] == [
        "nette (train 99ff, test v1)",
        "nette (train t1, test v1)",
    ]


def test_scores_stand_in_the_order_that_was_asked_for(student, metric):
    scores = {"top1_last": 50.0, "top1_best": 60.0}
    records = [student(0.0, scores=scores), metric(40.0)]
    boards = build(records)
    asked = ("fid", "top1_best")
    assert [pivot.metric for pivot in pivots(boards, asked)] == list(asked)
    assert [pivot.metric for pivot in pivots(boards)] == ["top1_last", "fid"]
