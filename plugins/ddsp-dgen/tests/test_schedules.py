"""Learning rates, at the steps that tell them from the built-in ones."""

import pytest

schedules = pytest.importorskip("ddsp_dgen.schedules", reason="ddsp-dgen is not installed")


def test_the_cosine_warms_up_from_its_end_and_never_reaches_it():
    cosine = schedules.Cosine(start=1.0, end=0.1, warmup=10)
    assert cosine(0, 110) == pytest.approx(0.1)
    assert cosine(5, 110) == pytest.approx(0.55)
    assert cosine(10, 110) == pytest.approx(1.0)
    assert cosine(60, 110) == pytest.approx(0.55)
    assert cosine(109, 110) > 0.1
    assert schedules.Cosine(start=1.0, warmup=5)(7, 5) == 1.0


def test_the_exponential_halves_what_is_above_its_floor():
    decay = schedules.Exponential(start=1.0, floor=0.2, half_life=40, warmup=4)
    assert decay(0, 99) == pytest.approx(0.2)
    assert decay(2, 99) == pytest.approx(0.6)
    assert decay(4, 99) == pytest.approx(1.0)
    assert decay(44, 99) == pytest.approx(0.6)
    with pytest.raises(ValueError, match="below the floor"):
        schedules.Exponential(start=1e-6)
