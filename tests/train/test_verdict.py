"""Gates: judged by known numbers, of one run and of several."""

import math

import pytest

from ddspcore import OptionError
from ddspcore.metric import Metric
from ddspcore.recipe.schema import Gate
from ddspcore.train.summary import course_of
from ddspcore.train.verdict import judge

AT_MOST = Gate(metric="lsd", at_most=3.0)


def summary(value, split="val"):
    return {"evaluation": {split: {"lsd": value}}, "course": {"fall": 0.8, "rebound": 1.0}}


def judged(gate, *values):
    (verdict,) = judge([gate], [summary(value) for value in values])
    return verdict.measured, verdict.passed


def test_the_limit_itself_passes():
    assert judged(AT_MOST, 3.0) == (3.0, True)
    assert judged(Gate(metric="lsd", at_least=3.0), 3.0) == (3.0, True)
    assert judged(AT_MOST, math.nextafter(3.0, 4.0))[1] is False


def test_every_run_is_judged_by_the_worst_one():
    assert judged(AT_MOST, 1.0, 3.5, 2.0) == (3.5, False)
    assert judged(Gate(metric="lsd", at_least=2.0), 1.0, 3.5) == (1.0, False)
    (verdict,) = judge([AT_MOST], [summary(1.0), summary(3.5), summary(2.0)])
    assert verdict.worst == 1


def test_the_median_is_over_all_runs():
    gate = Gate(metric="lsd", at_most=3.0, over="median")
    assert judged(gate, 1.0, 2.9, 100.0) == (2.9, True)
    assert judged(gate, 1.0, 3.0, 4.0, 9.0) == (3.5, False)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "low"])
def test_what_is_no_number_never_passes(value):
    assert judged(AT_MOST, value) == (None, False)
    assert judged(Gate(metric="lsd", at_least=-1e9, over="median"), 1.0, value) == (None, False)


def test_held_out_counts_where_there_is_any_unless_the_gate_says():
    both = {"evaluation": {"train": {"lsd": 1.0}, "val": {"lsd": 2.0}}}
    trained = Gate(metric="lsd", at_most=3.0, split="train")
    held_out = Gate(metric="lsd", at_most=3.0, split="val")
    found = [verdict.measured for verdict in judge([AT_MOST, trained, held_out], [both])]
    assert found == [2.0, 1.0, 2.0]
    assert [v.measured for v in judge([AT_MOST, held_out], [summary(2.0, "train")])] == [2.0, None]


def test_a_relative_gate_compares_what_is_held_out_with_what_is_trained_on():
    gate = Gate(metric="lsd", at_most=1.3, relative=True)
    both = {"evaluation": {"train": {"lsd": 2.0}, "val": {"lsd": 3.0}}}
    (verdict,) = judge([gate], [both])
    assert (verdict.measured, verdict.passed) == (1.5, False)
    assert verdict.in_words() == (
        "gate missed: lsd 1.5 times held out; wanted at most 1.3 times where trained"
    )
    assert verdict.as_json()["relative"]


@pytest.mark.parametrize("trained", [None, 0.0, math.nan])
def test_there_is_no_ratio_to_nothing(trained):
    gate = Gate(metric="lsd", at_least=0.0, relative=True)
    alone = {"evaluation": {"val": {"lsd": 3.0}}}
    both = {"evaluation": {"train": {"lsd": trained}, "val": {"lsd": 3.0}}}
    assert [v.measured for v in judge([gate], [alone])] == [None]
    assert [v.measured for v in judge([gate], [both])] == [None]


@pytest.mark.parametrize(
    "options", [{"metric": "lsd", "split": "train"}, {"metric": "course.fall"}]
)
def test_only_what_is_held_out_is_relative(options):
    with pytest.raises(OptionError, match="only what is held out"):
        Gate(**options, at_most=1.0, relative=True)


def course(lines, direction="lower"):
    return course_of(lines, Metric("mss", "", direction, "spectra"))


def measured(*values):
    return [{"kind": "metric", "stage": "A", "mss": value} for value in values]


def test_the_course_falls_to_its_best_and_rebounds_from_the_least_before():
    lines = [*measured(10.0, 4.0, 5.0, 2.0, 2.1), {"kind": "train", "mss": 99.0}]
    assert course(lines) == {"fall": 0.8, "rebound": 1.25}
    assert course(measured(4.0, 2.0, 1.0)) == {"fall": 0.75, "rebound": 0.5}


def test_the_course_of_what_is_better_when_higher_is_turned_over():
    found = course(measured(1.0, 2.0, 1.6, 4.0), "higher")
    assert found == pytest.approx({"fall": 0.75, "rebound": 1.25})


@pytest.mark.parametrize("values", [(), (1.0, None), (1.0, -2.0), (0.0, 1.0)])
def test_a_course_without_a_meaning_has_no_numbers(values):
    assert course(measured(*values)) == {"fall": None, "rebound": None}


def test_a_verdict_in_words(golden):
    runs = [summary(1.0), summary(3.5)]
    gates = [
        AT_MOST,
        Gate(metric="lsd", at_most=3.0, over="median"),
        Gate(metric="lsd", at_least=1.0, split="train"),
        Gate(metric="course.fall", at_least=0.7),
    ]
    lines = [v.in_words() for v in (*judge(gates, runs), *judge(gates, runs[:1]))]
    golden("verdicts", "\n".join(lines) + "\n")
