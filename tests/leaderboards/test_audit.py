from __future__ import annotations

import dataclasses
import math
import statistics

import msgspec
import numpy as np
import pytest
from scipy import stats

from bench.errors import UsageError
from bench.records import Data, Described, Provenance, Record
from leaderboards import build
from leaderboards.published import ledger
from leaderboards.published.audit import audit, quoted
from leaderboards.published.conditions import Runs
from leaderboards.published.ledger import Published
from leaderboards.published.recipes import DATASETS, METHODS, METRICS, recipe_of, student_of
from leaderboards.published.verdicts import joint_half

ROWS = ledger.read()
MADE = Provenance("2026-01-01", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def described(label: str, identity: str = "", origin: str = "") -> Described:
    name = label.partition("+")[0]
    return Described(name, label, identity or label, asked={}, fields={}, origin=origin)


def record(method="mgd3", ipc=10, at=(0, 0), best=60.0, **changes) -> Record:
    """Return a record of one student on ImageNette; the distilled set is that of its seed."""
    data = {"name": "imagenette", "train_split": "ilsvrc2012", "test_split": "ilsvrc2012"}
    data |= {"train_revision": "t", "test_revision": "v", "num_classes": 10}
    fields = {
        "kind": "evaluation",
        "data": Data(**data | changes.pop("data", {})),
        "method": described(method),
        "ipc": ipc,
        "seed": at[0],
        "stochastic": True,
        "protocol": described("hard/minimax", "hard/minimax@2+epochs=2000"),
        "student": described("resnetap10", "resnetap10+depth=10"),
        "student_seed": at,
        "distilled": f"{method}/{ipc}/{at[0]}",
        "scores": {"top1_last": 1.0, "top1_best": best},
        "provenance": MADE,
    }
    made = fields | changes
    key = f"{method}/{ipc}/{at}/{made['data']}/{made['protocol']}/{made['student']}"
    return Record(key=key, **made)


def published(value=60.0, std: float | None = 1.0, **changes) -> Published:
    """Return a row that is of the same kind as `record`, its recipe read in the source."""
    row = Published(
        line=2,
        decimals=1,
        method="MGD3",
        dataset="ImageNette",
        ipc=10,
        protocol="hard",
        student="ResNetAP-10",
        metric="top1",
        value=value,
        std=std,
        backbone="DiT-XL/2",
        source="2311.15529",
        locator="a table",
        verified="read",
    )
    return msgspec.structs.replace(row, **changes)


def measured(*values, **changes) -> list[Record]:
    return [record(at=(seed, 0), best=value, **changes) for seed, value in enumerate(values)]


def only(records, row):
    """Return the one quote there is of the row beside the records."""
    (line,) = audit([row], build(records), row.method)
    return line.quote


OURS = (59.0, 60.0, 61.0)


def test_a_number_inside_the_joint_interval_is_reproduced():
    quote = only(measured(*OURS), published(60.5))
    assert (quote.verdict, quote.recipe, quote.basis) == ("reproduced", "hard/minimax", "read")
    assert quote.difference == pytest.approx(-0.5)


def test_a_number_outside_is_not_reproduced_with_what_is_known_to_differ():
    quote = only(measured(*OURS), published(70.0))
    assert quote.verdict == "not reproduced"
    assert not any("measured" in reason for reason in quote.reasons)
    quote = only(measured(*OURS, data={"train_split": "fastai-v2-320"}), published(70.0))
    assert quote.verdict == "not reproduced"
    assert any("measured on imagenette (fastai-v2-320 and ilsvrc" in r for r in quote.reasons)


@pytest.mark.parametrize(
    ("changes", "row", "reason"),
    [
        ({"protocol": described("hard/minimax+epochs=4")}, {}, "our protocol has epochs=4"),
        (
            {"protocol": described("short", "hard/minimax+epochs=4")},
            {},
            "our protocol is hard/mini",
        ),
        ({"method": "mgd3+steps=20"}, {}, "our method has steps=20"),
        ({"student": described("resnetap10+width=2")}, {}, "our student has width=2"),
        ({"data": {"train_split": "fastai-v2", "test_split": "fastai-v2"}}, {}, "(fastai-v2)"),
        ({"data": {"name": "imagenette2-320", "test_split": "x"}}, {}, "imagenette2-320"),
        ({}, {"source": "2506.23580"}, "the split of the published number is not known"),
        ({}, {"source": "2505.18963", "locator": "Table 6 (DDIM sampler)"}, "sampler DDIM"),
        ({"method": described("mgd3", "mgd3+sampling[generator=embedded]")}, {}, "with embedded"),
        (
            {"method": described("mgd3", "mgd3+sampling[generator=dit-xl-2-256]")},
            {"backbone": "DiT-XL/2 (fine-tuned)"},
            "measured without tuning",
        ),
    ],
)
def test_likeness_cannot_be_claimed_where_something_is_known_to_differ(changes, row, reason):
    label = changes.pop("method", "mgd3")
    extra = {"method": label} if isinstance(label, Described) else {}
    name = label.label if extra else label
    records = [
        msgspec.structs.replace(record(name, at=(seed, 0), best=value, **changes), **extra)
        for seed, value in enumerate(OURS)
    ]
    quote = only(records, published(60.0, **row))
    assert quote.verdict == "not comparable"
    assert any(reason in said for said in quote.reasons)


def test_what_is_said_beside_a_number_is_no_difference():
    quote = only(
        measured(*OURS), published(60.0, std=None, source="2606.21705", verified="secondary")
    )
    assert quote.verdict == "reproduced"
    assert quote.reasons == (
        "hard/minimax is derived: the source does not state it",
        "published on the split ilsvrc2012: assumed",
        "no deviation was published, ours stands for it",
        "published as a mean of 3 runs: assumed",
        "read in a summary or quotation of the source",
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"source": "github-issue:vimar-gu/MinimaxDiffusion#11"}, "published as a single run: der"),
        ({"source": "2311.15529"}, "published runs share one distilled set"),
        ({"method": "Random"}, "first files by name"),
    ],
)
def test_what_is_known_of_a_source_is_said(row, said):
    records = measured(*OURS, method=METHODS[row.get("method", "MGD3")])
    assert any(said in reason for reason in only(records, published(60.0, **row)).reasons)


@pytest.mark.parametrize(
    ("split", "verdict"),
    [
        ("fastai-v2", "reproduced"),
        ("fastai-v2-320", "reproduced"),
        ("fastai-v2-320:held-out-0.1-seed0", "not comparable"),
        ("ilsvrc2012", "not comparable"),
    ],
)
def test_a_number_of_the_fastai_split_is_reproduced_on_it(split, verdict):
    row = published(60.0, source="github-issue:vimar-gu/MinimaxDiffusion#4")
    ours = measured(*OURS, data={"train_split": split.partition(":")[0], "test_split": split})
    assert only(ours, row).verdict == verdict


def test_the_teacher_of_our_own_training_is_a_difference():
    soft = {
        "method": "MGD3",
        "protocol": "soft",
        "student": "ResNet-18",
        "source": "2506.22637",
    }
    ours = {
        "protocol": described("soft/rded"),
        "student": described("resnet18", "torchvision/resnet18@2+id=torchvision/resnet18"),
    }
    for teacher, verdict in (
        ("resnet18 trained 90 epochs 1234abcd", "not comparable"),
        ("resnet18 from a file 1234abcd", "reproduced"),
    ):
        records = measured(*OURS, **ours, cards={"top1_best": {"teacher": teacher}})
        assert only(records, published(60.0, **soft)).verdict == verdict


@pytest.mark.parametrize(
    ("row", "assumed"),
    [
        ({"source": "2311.15529"}, False),  # its author says which split it is
        ({"source": "2505.18963"}, True),
        ({"source": "2505.18963", "dataset": "ImageNet-1K"}, False),  # there is no other
    ],
)
def test_a_split_that_the_source_does_not_say_is_said_to_be_assumed(row, assumed):
    name = DATASETS[row.get("dataset", "ImageNette")]
    quote = only(measured(*OURS, data={"name": name}), published(60.0, **row))
    assert any("split ilsvrc2012: assumed" in reason for reason in quote.reasons) is assumed
    assert quote.verdict == "reproduced"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "mgd3+steps=9"},
        {"protocol": described("hard/minimax+epochs=4", "hard/minimax@2+epochs=4")},
        {"student": described("resnetap10+width=2", "resnetap10+depth=10,width=2")},
    ],
    ids=["method", "protocol", "student"],
)
def test_fields_that_a_label_names_count_however_short_the_headings_are(changes):
    boards = build(measured(*OURS, **changes))
    short = [
        dataclasses.replace(
            board,
            columns=tuple(
                dataclasses.replace(column, protocol="hard/minimax", student="resnetap10")
                for column in board.columns
            ),
            rows=tuple(dataclasses.replace(row, method="mgd3") for row in board.rows),
        )
        for board in boards
    ]
    (line,) = audit([published(60.0)], short, "mgd3")
    assert line.quote.difference == pytest.approx(0.0)
    assert line.quote.verdict == "not comparable"
    assert any(" has " in reason for reason in line.quote.reasons)


def test_two_seeds_that_gave_equal_sets_are_two_draws_here_as_in_the_table():
    records = [
        record(at=(seed, 0), best=best, distilled=which)
        for seed, (best, which) in enumerate(((59.0, "a"), (60.0, "a"), (61.0, "b")))
    ]
    quote = only(records, published(60.0))
    assert quote.half == pytest.approx(joint_half(OURS, 1.0, Runs(3, ddof=0), 1))


def test_one_set_gives_no_interval_however_many_students():
    records = [record(at=(0, r), best=value) for r, value in enumerate(OURS)]
    quote = only(records, published(60.0))
    assert (quote.verdict, quote.half) == ("not comparable", None)
    assert quote.reasons[0] == "measured on one set, which gives no interval"


def test_students_are_the_evidence_where_a_method_has_no_randomness():
    records = [
        record("herding", at=(s, 0), best=value, stochastic=False, distilled="herding")
        for s, value in enumerate(OURS)
    ]
    quote = only(records, published(60.0, method="Herding", backbone=""))
    assert quote.verdict == "reproduced"
    expected = joint_half(OURS, 1.0, Runs(3, ddof=0), 1)
    assert quote.half == pytest.approx(expected)


def test_sets_and_not_students_are_the_evidence_of_the_others():
    records = [
        record(at=(s, r), best=value + shift)
        for s, value in enumerate(OURS)
        for r, shift in enumerate((-3.0, 3.0))
    ]
    quote = only(records, published(60.0))
    assert quote.half == pytest.approx(joint_half(OURS, 1.0, Runs(3, ddof=0), 1))


def test_the_best_epoch_is_compared_and_never_the_last():
    board = build(measured(*OURS))
    (cells,) = [row.cells for row in quoted(board, [published(60.0)])[0].rows]
    found = {column.metric: cell for column, cell in zip(board[0].columns, cells, strict=True)}
    assert len(found["top1_best"].quotes) == 1
    assert found["top1_last"].quotes == ()


def test_the_full_set_stands_beside_numbers_without_an_ipc_and_once():
    full = [
        record("full", None, (0, r), v, stochastic=False, distilled="full", **{})
        for r, v in enumerate(OURS)
    ]
    others = [record("random", ipc, (s, 0), v) for ipc in (10, 50) for s, v in enumerate(OURS)]
    row = published(60.0, method="Full", ipc=None, backbone="")
    (line,) = audit([row], build([*full, *others]), "full")
    assert (line.ours, line.quote.verdict) == ("full", "reproduced")


@pytest.mark.parametrize("what", ["mgd3", "MGD3", "mgd3/paper", "2311.1", "2311.15529"])
def test_a_method_or_a_paper_is_asked_for_by_name(what):
    records = measured(*OURS) + measured(*OURS, method="mgd3/paper")
    other = published(60.0, method="DiT", source="2510.17421")
    lines = audit([published(60.0), other], build(records), what)
    assert {line.row.method for line in lines} == {"MGD3"}
    both = {"mgd3", "mgd3/paper"}
    assert {line.ours for line in lines} == ({"mgd3/paper"} if what == "mgd3/paper" else both)


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(UsageError, match="Did you mean 'mgd3'"):
        audit(ROWS, [], "mdg3")


@pytest.mark.parametrize("what", ["", "  "])
def test_an_audit_of_nothing_is_refused(what):
    with pytest.raises(UsageError, match="name one"):
        audit(ROWS, [], what)


def test_what_is_known_is_named_in_the_plural():
    with pytest.raises(UsageError, match=r"Known methods and papers: 2205\.14959, "):
        audit(ROWS, [], "nothing like it")


@pytest.mark.parametrize(
    ("row", "ours", "reason"),
    [
        ({"source": "2604.00519"}, "mgd3", "published with hard/igd, measured with hard/minimax"),
        ({"source": "2603.07476"}, "mgd3", "the source states no recipe that we know"),
        ({"ipc": 50}, "", "not measured"),
        ({"student": "Swin-T"}, "", "no student of ours is Swin-T"),
        ({"dataset": "ImageNet-10"}, "", "ImageNet-10 is no set of ours"),
        ({"metric": "fid"}, "", "fid was published without extractor and split"),
    ],
)
def test_a_row_that_stands_beside_none_of_ours_says_why(row, ours, reason):
    (line,) = audit([published(**row)], build(measured(*OURS)), "mgd3")
    assert (line.cell, line.ours, line.quote.reasons) == (None, ours, (reason,))
    assert line.quote.verdict == "not comparable"


def test_aliases_and_plugins_are_never_compared():
    for label, origin in (("mine", ""), ("mgd3", "vendor 1.0")):
        records = [
            msgspec.structs.replace(one, method=described(label, "mgd3", origin))
            for one in measured(*OURS)
        ]
        (line,) = audit([published(60.0)], build(records), "mgd3")
        assert line.cell is None


def test_the_first_quote_is_the_most_alike_and_not_the_nearest():
    nearest = published(60.0, source="2506.23580", line=2)  # of a split that is not known
    quoted_twice = published(62.0, verified="secondary", line=3)
    alike = published(70.0, line=4)
    (board,) = quoted(build(measured(*OURS)), [nearest, quoted_twice, alike])
    (found,) = [cell.quotes for cell in board.rows[0].cells if cell and cell.quotes]
    assert [quote.row.value for quote in found] == [70.0, 62.0, 60.0]


def everything() -> list[Record]:
    """Return a record for every kind of number in the ledger that is comparable with ours."""
    made = {}
    for row in ROWS:
        recipe, student = recipe_of(row), student_of(row)
        known = row.method in METHODS and row.dataset in DATASETS and row.metric in METRICS
        if known and recipe and student:
            made[row.method, row.dataset, row.ipc, student, recipe] = record(
                METHODS[row.method],
                row.ipc,
                data={"name": DATASETS[row.dataset]},
                protocol=described(recipe),
                student=described(student),
            )
    return list(made.values())


def test_families_never_share_a_column():
    met: dict[int, str] = {}
    for board in quoted(build(everything()), ROWS):
        for row in board.rows:
            for column, cell in zip(board.columns, row.cells, strict=True):
                for quote in cell.quotes if cell else ():
                    assert quote.recipe == column.protocol_name.identity
                    assert DATASETS[quote.row.dataset] == board.dataset
                    assert METHODS[quote.row.method] == row.method
                    assert met.setdefault(quote.row.line, column.protocol) == column.protocol
    stated = {
        row.line
        for row in ROWS
        if recipe_of(row)
        and row.method in METHODS
        and row.dataset in DATASETS
        and student_of(row)
        and row.metric in METRICS
    }
    assert set(met) == stated
    anchors = {
        row.value: met[row.line]
        for row in ROWS
        if (row.method, row.dataset, row.student, row.ipc) == ("DiT", "ImageWoof", "ResNet-18", 10)
        and row.line in met
    }
    assert anchors[34.7] == "hard/minimax"
    assert anchors[40.6] == "hard/igd"


def test_the_joint_interval_is_that_of_welch():
    ours, theirs = (61.0, 63.5, 60.2), (58.0, 58.9, 59.5, 57.1, 60.0)
    low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    for ddof, std in ((1, statistics.stdev(theirs)), (0, statistics.pstdev(theirs))):
        half = joint_half(ours, std, Runs(5, ddof), decimals=1)
        assert half == pytest.approx((high - low) / 2 + 0.05)


def test_our_deviation_stands_for_one_that_was_not_published():
    ours = (61.0, 63.0, 62.0)
    quantile = stats.t.ppf(0.975, 2)
    for runs in (1, 3):
        expected = quantile * math.sqrt(1 / 3 + 1 / runs) + 0.5
        assert joint_half(ours, None, Runs(runs), decimals=0) == pytest.approx(expected)


def test_equal_numbers_leave_the_rounding():
    assert joint_half((60.0, 60.0), 0.0, Runs(3), decimals=1) == pytest.approx(0.05)
    assert joint_half((60.0, 60.0), None, Runs(3), decimals=2) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("count", "runs", "std"), [(3, 3, 1.0), (2, 3, 1.0), (5, 5, 3.0), (3, 9, 0.5)]
)
def test_a_true_number_is_inside_as_often_as_said(count, runs, std):
    rng = np.random.default_rng(0)
    ours = rng.normal(60.0, 1.0, (2000, count))
    theirs = rng.normal(60.0, std, (2000, runs))
    inside = 0
    for first, second in zip(ours, theirs, strict=True):
        value, spread = round(second.mean(), 1), round(second.std(ddof=1), 1)
        inside += abs(first.mean() - value) <= joint_half(first.tolist(), spread, Runs(runs), 1)
    assert inside >= stats.binom.ppf(0.001, 2000, 0.95)
