"""The gate on records: what is matched, refused and judged."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace
from scipy import stats

from bench.errors import UsageError
from leaderboards.gate import checking
from leaderboards.gate.baseline_file import from_records

NOISE = (0.3, -0.9, 1.1, -0.2, 0.4)
OTHER = (-0.5, 0.8, 0.1, -1.0, 0.6)


@pytest.fixture
def run(student, metric):
    """Return a run of two methods with five sets each, moved by `shift`."""

    def build(noise=NOISE, shift=0.0, methods=("random", "dit")):
        found = []
        for number, method in enumerate(methods):
            for seed, value in enumerate(noise):
                accuracy = 30 + 10 * number + (1 + number) * value + shift
                found.append(student(accuracy, method=method, at=(seed, 0)))
                found.append(metric(100 + 3 * value - shift, method=method, seed=seed))
        return found

    return build


@pytest.fixture
def baseline(run):
    return from_records(run())


def test_the_same_records_are_unchanged_and_the_interval_is_a_point(baseline, run):
    checked = checking.check(baseline, run())
    assert (checked.primary.outcome, checked.primary.mean) == ("unchanged", 0.0)
    assert checked.primary.low == checked.primary.high == 0.0
    assert {cell.judged.outcome for cell in checked.cells} == {"unchanged"}
    assert (checked.same_sets, checked.sets) == (10, 10)


@pytest.mark.parametrize(
    ("shift", "outcome"), [(-9.0, "regression"), (9.0, "improvement"), (-1.9, "undecidable")]
)
def test_the_mean_difference_decides_paired_by_seed(baseline, run, shift, outcome):
    checked = checking.check(baseline, run(OTHER, shift))
    differences = [1.5 * (now - was) + shift for was, now in zip(NOISE, OTHER, strict=True)]
    assert checked.primary.outcome == outcome
    assert checked.primary.mean == pytest.approx(sum(differences) / 5)
    test = stats.ttest_1samp(differences, -2.0, alternative="less")
    assert checked.primary.p == pytest.approx(test.pvalue)
    assert (checked.promise.blocks, checked.promise.kind, checked.promise.cells) == (5, "sets", 2)


def test_a_drop_of_a_score_that_is_better_when_lower_is_a_gain(baseline, run):
    cells = {cell.held.title: cell for cell in checking.check(baseline, run(shift=30.0)).cells}
    fid = cells["nette IPC 10 dit fidelity fid"]
    assert fid.now - fid.was == pytest.approx(-30.0)
    assert (fid.judged.mean, fid.judged.outcome) == (pytest.approx(30.0), "improvement")
    worse = {cell.held.score: cell for cell in checking.check(baseline, run(shift=-30.0)).cells}
    assert worse["fid"].judged.outcome == worse["top1_last"].judged.outcome == "regression"


def test_margins_of_other_units_are_a_share_of_the_baseline(baseline, run):
    found = {cell.held.score: cell.margin for cell in checking.check(baseline, run()).cells}
    fid = sum(100 + 3 * value for value in NOISE) / 5
    assert found == {"top1_last": 2.0, "fid": pytest.approx(0.05 * fid)}


def test_image_metrics_never_enter_the_mean(student, metric, run):
    held = from_records(run())
    now = [replace(r, scores={"fid": 900.0}) if "fid" in r.scores else r for r in run()]
    checked = checking.check(held, now)
    assert (checked.primary.mean, checked.primary.outcome) == (0.0, "unchanged")
    fids = [cell for cell in checked.cells if cell.held.score == "fid"]
    assert {cell.judged.outcome for cell in fids} == {"regression"}


def test_a_margin_given_at_the_check_stands_for_the_baselines_and_is_told(baseline, run):
    checked = checking.check(baseline, run(OTHER, -1.9), margin=5.5)
    assert (checked.margin, checked.primary.outcome) == (5.5, "unchanged")
    assert "2.0" in checked.margins_note
    assert checked.promise.power is None  # five points are within the margin
    for margin in (-1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="finite and not below 0"):
            checking.check(baseline, run(), margin=margin)


def test_students_of_a_set_are_averaged_as_long_as_any_method_has_randomness(student):
    def records(shift):
        return [student(30.0 + shift * (s + 1) + r, at=(s, r)) for s in range(3) for r in range(2)]

    values = checking.block_values(from_records(records(0.0)), records(-1.0))
    assert values == pytest.approx((-1.0, -2.0, -3.0))


def test_without_randomness_every_student_is_a_block(student):
    fixed = {"stochastic": False, "seed": 0, "distilled": "the set"}
    was = [student(30.0, at=(s, r), **fixed) for s in range(2) for r in range(2)]
    now = [student(30.0 + s + 0.1 * r, at=(s, r), **fixed) for s in range(2) for r in range(2)]
    baseline = from_records(was)
    assert checking.block_values(baseline, now) == pytest.approx((0.0, 0.1, 1.0, 1.1))
    assert checking.promise(baseline).kind == "students"
    assert checking.check(baseline, now).sets == 1


def test_only_blocks_that_all_cells_have_are_compared(student):
    def records(shift):
        found = [student(30.0 + shift, at=(s, 0)) for s in range(4)]
        return [*found, *(student(40.0 + 3 * shift, method="dit", at=(s, 0)) for s in (1, 2, 3))]

    assert checking.block_values(from_records(records(0.0)), records(1.0)) == pytest.approx(
        (2.0,) * 3
    )


def test_a_number_without_any_randomness_is_held_against_the_margin_alone(metric):
    fixed = {"stochastic": False, "seed": 0}
    baseline = from_records([metric(100.0, **fixed)])
    for now, outcome in ((104.0, "unchanged"), (106.0, "regression"), (94.0, "improvement")):
        checked = checking.check(baseline, [metric(now, **fixed)])
        (cell,) = checked.cells
        assert (checked.primary, cell.judged.outcome, cell.judged.degrees) == (None, outcome, 0)


def test_one_set_with_randomness_decides_nothing(metric, student):
    (cell,) = checking.check(from_records([metric(100.0)]), [metric(500.0)]).cells
    assert cell.judged.outcome == "undecidable"
    with pytest.raises(UsageError, match="--exact"):
        checking.check(from_records([student(30.0)]), [student(30.0)])


def test_a_cell_with_fewer_sets_than_the_others_is_named(student):
    records = [student(30.0 + s, at=(s, 0)) for s in range(3)]
    records.append(student(40.0, method="dit", at=(0, 0)))
    baseline, cell = from_records(records), "nette IPC 10 dit hard convnet3 top1_last"
    assert checking.promise(baseline).scarce == (cell,)
    with pytest.raises(UsageError) as refused:
        checking.check(baseline, records)
    assert f"has 1 ({cell} has the fewest)" in str(refused.value)
    even = from_records(records[:3])
    assert checking.promise(even).scarce == ()


def test_a_run_that_lacks_a_method_is_told_what_is_missing_and_to_finish(baseline, run):
    def refused(records):
        with pytest.raises(checking.Incomparable) as found:
            checking.check(baseline, records)
        return str(found.value)

    partial = [r for r in run() if r.method.name != "dit"]
    sentence = refused(partial)
    for words in (
        "the cell is missing and was measured (2 cells: nette IPC 10 dit fidelity fid, "
        "nette IPC 10 dit hard convnet3 top1_last)",
        "finish the run (`bench run` anew, with `--retry-failed` if units have failed)",
    ):
        assert words in sentence
    assert "finish the run" in refused(run()[:-1])
    other = [replace(r, data=replace(r.data, test_revision="v2")) for r in partial]
    assert "finish the run" not in refused(other)


def with_method(record, described, **changes):
    return replace(record, method=described(record.method.label, **changes))


def test_whatever_is_another_thing_than_it_was_is_refused_by_name(baseline, run, described):
    records = run()
    first = records[0]
    cases = {
        "method is 'random@2' and was 'random'": [
            with_method(r, described, identity="random@2") if r.method.name == "random" else r
            for r in records
        ],
        "protocol is 'hard@2' and was 'hard'": [
            replace(r, protocol=described("hard", identity="hard@2")) if r.student else r
            for r in records
        ],
        "student is 'convnet3+width=8' and was 'convnet3'": [
            replace(r, student=described("convnet3", identity="convnet3+width=8"))
            if r.student
            else r
            for r in records
        ],
        "the origin of method random is evil 1.0 and was built in": [
            with_method(r, described, origin="evil 1.0") if r.method.name == "random" else r
            for r in records
        ],
        "train revision is t2 and was t1": [
            replace(r, data=replace(r.data, train_revision="t2")) for r in records
        ],
        "test revision is v2 and was v1": [
            replace(r, data=replace(r.data, test_revision="v2")) for r in records
        ],
        "weights on the card is 9f9f and was 1a2b": [
            replace(r, cards={"fid": {"extractor": "embedded", "weights": "9f9f"}})
            if r.cards
            else r
            for r in records
        ],
        "dtype on the card is float16 and was absent": [
            replace(r, cards={"fid": {**r.cards["fid"], "dtype": "float16"}}) if r.cards else r
            for r in records
        ],
        "randomness of the method is no and was yes": [
            replace(r, stochastic=False) for r in records
        ],
        "the set of seeds is without 4 and was whole": [r for r in records if r.seed != 4],
        "the cell is missing and was measured": [r for r in records if r.method.name != "dit"],
    }
    assert first.method.name == "random"
    for words, changed in cases.items():
        with pytest.raises(checking.Incomparable) as refused:
            checking.check(baseline, changed)
        assert words in str(refused.value)
        assert "\n" not in str(refused.value)
        assert refused.value.exit_status == 2
        assert any(words in change.sentence for change in refused.value.changes)
        assert checking.changes(baseline, changed) == refused.value.changes
        with pytest.raises(checking.Incomparable):
            checking.block_values(baseline, changed)


def test_a_folder_that_holds_the_old_thing_beside_the_new_one_is_refused(baseline, run, described):
    newer = [
        replace(with_method(r, described, identity=f"{r.method.identity}@2"), key=f"new {r.key}")
        for r in run()
    ]
    with pytest.raises(checking.Incomparable, match="new folder"):
        checking.check(baseline, [*run(), *newer])


def test_labels_that_stand_for_two_things_in_the_baseline_are_told_apart_by_identity(
    run, described
):
    others = [
        replace(
            with_method(r, described, identity="random+k=2"),
            key=f"other {r.key}",
            scores={name: value + 5 for name, value in r.scores.items()},
        )
        for r in run(methods=("random",))
    ]
    both = [*run(methods=("random",)), *others]
    baseline = from_records(both)
    assert checking.check(baseline, both).primary.mean == 0.0
    assert checking.changes(baseline, both) == ()
    with pytest.raises(checking.Incomparable):
        checking.check(baseline, others)


def test_another_teacher_or_statistic_behind_the_same_names_is_refused(run):
    def behind(*artefacts):
        return [replace(r, artefacts={name: name for name in artefacts}) for r in run()]

    baseline = from_records(behind("Network+epochs=3", "Modes+count=5"))
    with pytest.raises(
        checking.Incomparable, match=r"Network@2\+epochs=3 and was Network\+epochs=3"
    ):
        checking.check(baseline, behind("Network@2+epochs=3", "Modes+count=5"))
    # A kind that only one of them names was asked for by a build that a warm cache spares.
    assert checking.changes(baseline, behind("Modes+count=5")) == ()


def test_more_cells_and_more_seeds_are_named_and_change_nothing(baseline, run, student):
    longer = run((*NOISE, 40.0))
    wider = [*longer, *(student(1.0, method="other", at=(s, 0)) for s in range(5))]
    checked = checking.check(baseline, wider)
    assert checked.primary.mean == 0.0
    assert "nette IPC 10 other hard convnet3 top1_last" in checked.extra
    assert "nette IPC 10 dit hard convnet3 top1_last: 1 further seed" in checked.extra


def test_distilled_sets_that_differ_are_counted_once_each(baseline, run):
    changed = [
        replace(r, distilled="another") if (r.method.name, r.seed) == ("dit", 2) else r
        for r in run()
    ]
    checked = checking.check(baseline, changed)
    assert (checked.same_sets, checked.sets) == (9, 10)


def test_the_power_of_a_baseline_is_that_of_the_mean_over_its_cells(baseline):
    told = checking.promise(baseline)
    noise = [1.5 * value for value in NOISE]
    spread = stats.tstd(noise) * (4 / stats.chi2.ppf(0.2, 4)) ** 0.5
    shift = -3.0 * 5**0.5 / (2**0.5 * spread)
    power = stats.nct.cdf(stats.t.ppf(0.05, 4), 4, shift)
    assert told.power == pytest.approx(power, abs=1e-6)
