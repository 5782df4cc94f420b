"""Schedules hit their ends exactly, follow their formulas, and refuse what makes no sense."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddspcore import OptionError
from ddspcore.builtin import ddsp_schedules
from ddspcore.builtin.schedules import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    Piecewise,
    Ramp,
)

values = st.floats(-1e6, 1e6)
totals = st.integers(2, 100_000)


@pytest.mark.parametrize("cls", ddsp_schedules(), ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("total", [1, 2, 3, 1000])
def test_every_schedule_is_pure_and_finite(cls, total):
    first = [cls.example()(step, total) for step in range(total + 2)]
    again = [cls.example()(step, total) for step in reversed(range(total + 2))][::-1]
    assert first == again
    assert all(math.isfinite(value) for value in first)


def test_constant_stays():
    assert {Constant(value=0.3)(step, 7) for step in range(7)} == {0.3}


@given(start=values, end=values, total=totals)
def test_linear_hits_both_ends_exactly(start, end, total):
    linear = Linear(start=start, end=end)
    assert linear(0, total) == start
    assert linear(total - 1, total) == end
    assert linear(total, total) == end


def test_linear_is_halfway_in_the_middle():
    assert Linear(start=1.0, end=3.0)(50, 101) == pytest.approx(2.0)


def test_a_stage_of_one_step_begins_and_is_over():
    assert Linear(start=1.0, end=3.0)(0, 1) == 1.0


@given(start=st.floats(0, 1e3), floor=st.floats(0, 1e3), half_life=st.floats(0.1, 1e5))
def test_exponential_starts_at_start_falls_and_never_undershoots(start, floor, half_life):
    start, floor = max(start, floor), min(start, floor)
    decay = Exponential(start=start, floor=floor, half_life=half_life)
    curve = [decay(step, 10) for step in (0, 1, 2, 10, 1000, 10**7)]
    assert curve[0] == start
    assert all(value >= floor for value in curve)
    assert all(b <= a * (1 + 1e-15) for a, b in pairwise(curve))
    assert curve[-1] == pytest.approx(floor, abs=1e-12 * max(start, 1))


def test_exponential_halves_what_is_above_the_floor_every_half_life():
    decay = Exponential(start=9.0, floor=1.0, half_life=20.0)
    assert [decay(step, 100) for step in (0, 20, 40, 60)] == pytest.approx([9, 5, 3, 2])
    assert decay(10, 100) == pytest.approx(1 + 8 * math.sqrt(0.5))


def test_exponential_does_not_depend_on_the_length_of_the_stage():
    decay = Exponential(start=1.0, half_life=30.0)
    assert decay(17, 20) == decay(17, 20_000)


def test_exponential_warms_up_in_equal_steps_from_above_the_floor():
    decay = Exponential(start=5.0, floor=1.0, half_life=10.0, warmup=3)
    assert [decay(step, 100) for step in (0, 1, 2, 3)] == pytest.approx([2, 3, 4, 5])
    assert decay(13, 100) == pytest.approx(3)


@given(start=values, end=values, warmup=st.integers(0, 50), more=st.integers(2, 1000))
def test_cosine_reaches_start_after_the_warmup_and_end_at_the_last_step(start, end, warmup, more):
    cosine, total = Cosine(start=start, end=end, warmup=warmup), warmup + more
    assert cosine(warmup, total) == start
    assert cosine(total - 1, total) == end
    assert cosine(total, total) == end


def test_cosine_warms_up_in_equal_steps_from_above_zero():
    cosine = Cosine(start=1.0, end=0.0, warmup=3)
    assert [cosine(step, 10) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_cosine_follows_the_cosine():
    cosine = Cosine(start=3.0, end=1.0)
    assert [cosine(step, 5) for step in range(5)] == pytest.approx(
        [2 + math.cos(math.pi * step / 4) for step in range(5)]
    )


def test_ramp_waits_then_rises_then_holds():
    ramp = Ramp(start=0.0, end=1.0, after=10, over=4)
    assert [ramp(step, 100) for step in (0, 9, 10)] == [0.0, 0.0, 0.0]
    assert [ramp(step, 100) for step in (11, 12, 13)] == pytest.approx([0.25, 0.5, 0.75])
    assert [ramp(step, 100) for step in (14, 15, 99)] == [1.0, 1.0, 1.0]


def test_piecewise_hits_every_point_and_is_straight_between():
    curve = Piecewise(steps=(5, 10, 20), values=(0.1, 0.3, -0.7))
    assert [curve(step, 100) for step in (5, 10, 20)] == [0.1, 0.3, -0.7]
    assert [curve(step, 100) for step in (0, 4)] == [0.1, 0.1]
    assert [curve(step, 100) for step in (21, 99)] == [-0.7, -0.7]
    assert curve(15, 100) == pytest.approx(-0.2)


def test_piecewise_with_one_point_is_constant():
    curve = Piecewise(steps=(5,), values=(0.1,))
    assert {curve(step, 10) for step in range(10)} == {0.1}


@pytest.mark.parametrize(
    ("build", "field", "text"),
    [
        (
            lambda: Exponential(start=1e-5, half_life=10.0, floor=1e-4),
            "start",
            "1e-05 is below the floor, 0.0001",
        ),
        (
            lambda: Exponential(start=1.0, half_life=0.0),
            "half_life",
            "0.0 is out of range: > 0",
        ),
        (
            lambda: Ramp(start=0.0, end=1.0, over=0),
            "over",
            "0 is out of range: >= 1",
        ),
        (
            lambda: Cosine(start=1.0, warmup=-1),
            "warmup",
            "-1 is out of range: >= 0",
        ),
        (
            lambda: Piecewise(steps=(), values=()),
            "steps",
            "give at least one point",
        ),
        (
            lambda: Piecewise(steps=(0, 5, 5), values=(0.0, 1.0, 2.0)),
            "steps",
            "[0, 5, 5] does not rise from point to point",
        ),
        (
            lambda: Piecewise(steps=(0, 5), values=(0.0,)),
            "values",
            "1 values for 2 steps",
        ),
    ],
)
def test_inconsistent_fields_are_refused(build, field, text):
    with pytest.raises(OptionError) as error:
        build()
    assert (error.value.field, error.value.text) == (field, text)
