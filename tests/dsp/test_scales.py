import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore import Control
from ddspcore.dsp.scales import (
    amplitude_to_db,
    cents,
    db_to_amplitude,
    exp_sigmoid,
    exp_sigmoid_,
    hz_to_midi,
    inverse_exp_sigmoid,
    linear_of,
    power_to_db,
    to_unit,
)


def test_exp_sigmoid_has_the_published_values():
    x = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0])
    known = torch.tensor([1.91914e-4, 0.01493155, 0.40539923, 1.4931450, 1.9181391])
    torch.testing.assert_close(exp_sigmoid(x), known, rtol=2e-6, atol=0.0)


def test_exp_sigmoid_stays_finite_far_out():
    x = torch.tensor([-1e4, -50.0, 50.0, 1e4], requires_grad=True)
    y = exp_sigmoid(x)
    y.sum().backward()
    torch.testing.assert_close(y.detach(), torch.tensor([1e-7, 1e-7, 2.0, 2.0]))
    assert x.grad.isfinite().all()


def test_exp_sigmoid_has_the_right_gradient():
    x = torch.linspace(-8, 8, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(exp_sigmoid, x)


def test_exp_sigmoid_in_place_is_the_same():
    x = torch.cat([torch.linspace(-30, 30, 99), torch.tensor([-1e4, 1e4])])
    expected = exp_sigmoid(x)
    torch.testing.assert_close(exp_sigmoid_(x), expected, rtol=2e-6, atol=0.0)
    torch.testing.assert_close(x, expected, rtol=2e-6, atol=0.0)


@given(st.floats(1e-5, 1.99))
def test_exp_sigmoid_is_inverted(amplitude):
    x = torch.tensor(inverse_exp_sigmoid(amplitude), dtype=torch.float64)
    assert exp_sigmoid(x).item() == pytest.approx(amplitude, rel=1e-6)


def test_octaves_are_twelve_semitones_and_1200_cents():
    hz = torch.tensor([110.0, 220.0, 440.0, 880.0])
    torch.testing.assert_close(hz_to_midi(hz), torch.tensor([45.0, 57.0, 69.0, 81.0]))
    torch.testing.assert_close(cents(hz[1:], hz[:-1]), torch.full((3,), 1200.0))


def test_decibels_go_there_and_back():
    db = torch.tensor([-120.0, -20.0, 0.0, 6.0])
    torch.testing.assert_close(db_to_amplitude(torch.tensor([-20.0])), torch.tensor([0.1]))
    torch.testing.assert_close(amplitude_to_db(db_to_amplitude(db)), db)
    torch.testing.assert_close(power_to_db(db_to_amplitude(db).square()), db)


@pytest.mark.parametrize("scale", [amplitude_to_db, power_to_db])
def test_silence_is_at_the_floor_and_has_no_gradient(scale):
    x = torch.zeros(3, requires_grad=True)
    y = scale(x, -90.0)
    y.sum().backward()
    torch.testing.assert_close(y.detach(), torch.full((3,), -90.0))
    assert not x.grad.any()


def test_pitch_is_scaled_by_octaves():
    control = Control("f0_hz", unit="hz", lo=50.0, hi=800.0)
    x = torch.tensor([50.0, 100.0, 200.0, 800.0, 1600.0])
    torch.testing.assert_close(to_unit(control, x), torch.tensor([0.0, 0.25, 0.5, 1.0, 1.25]))


@pytest.mark.parametrize(
    ("control", "x", "unit"),
    [
        (Control("a", unit="hz"), 440.0, 69.0 / 127.0),
        (Control("a", unit="db", lo=-80.0, hi=0.0), -20.0, 0.75),
        (Control("a", unit="db"), -20.0, 0.75),
        (Control("a", unit="probability", lo=0.0, hi=1.0), 0.3, 0.3),
        (Control("a", unit="ratio", lo=-1.0, hi=1.0), 0.3, 0.3),
        (Control("a", unit="radian", lo=-math.pi, hi=math.pi), 0.0, 0.5),
        (Control("a", unit="furlong"), 3.0, 3.0),
    ],
)
def test_every_unit_has_its_scale(control, x, unit):
    assert to_unit(control, torch.tensor([x])).item() == pytest.approx(unit, abs=1e-6)


@pytest.mark.parametrize(
    "control",
    [
        Control("f0_hz", unit="hz"),
        Control("f0_hz", unit="hz", lo=50.0, hi=2000.0),
        Control("loudness_db", unit="db"),
        Control("voicing", unit="probability", lo=0.0, hi=1.0),
        Control("anything", lo=-3.0, hi=5.0),
        Control("unbounded"),
    ],
    ids=str,
)
def test_units_are_linear_in_octaves_or_in_the_values_themselves(control):
    x = torch.tensor([1.0, 2.0, 40.0, 440.0, 1e4], dtype=torch.float64)
    unit, straight = to_unit(control, x), linear_of(control, x)
    slopes = unit.diff() / straight.diff()
    torch.testing.assert_close(slopes, slopes[:1].expand_as(slopes))
