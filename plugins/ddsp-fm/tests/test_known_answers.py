"""What FM must sound like: sidebands are Bessel functions, and none of them folds."""

import math

import pytest
import torch
from ddsp_fm.synth import FmSynth, highest_index

from ddspcore import Context

RATE, HOP = 16_000, 250
FRAMES = RATE // HOP + 1


def fm(*carriers, modulator=1.0):
    options = FmSynth.Options(carriers=carriers, modulator=modulator)
    return FmSynth(options, Context({"sample": float(RATE), "frame": RATE / HOP}))


def controls(f0_hz, level, index):
    """Return controls of one pair that stay for a second."""
    values = {"f0_hz": f0_hz, "fm_levels": level, "fm_indices": index}
    return {name: torch.full((1, FRAMES, 1), value) for name, value in values.items()}


def amplitudes(sound):
    """Return the amplitude at each whole frequency. Shape: [1,T] -> [T // 2 + 1]."""
    return torch.fft.rfft(sound.detach()[0].double()).abs() * 2 / RATE


def bessel(order, x):
    """Return J_n(x) by its integral."""
    angles = torch.linspace(0, math.pi, 4001, dtype=torch.float64)
    return float(torch.trapezoid(torch.cos(order * angles - x * angles.sin()), angles)) / math.pi


def test_without_modulation_a_carrier_is_a_sine():
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    heard = fm(3.0)(controls(100.0, 0.5, 0.0))[0]
    assert (heard - 0.5 * torch.sin(2 * math.pi * 300 * t)).abs().max() < 1e-5


@pytest.mark.parametrize("index", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("modulator", [1.0, 1.4])
def test_sidebands_are_bessel_functions(index, modulator):
    heard = amplitudes(fm(20.0, modulator=modulator)(controls(100.0, 1.0, index)))
    for order in range(-6, 7):
        place = round(100 * (20 + order * modulator))
        assert heard[place] == pytest.approx(abs(bessel(abs(order), index)), abs=1e-4)


def test_pairs_are_summed():
    both = {
        n: v.repeat(1, 1, 1 if n == "f0_hz" else 2) for n, v in controls(80.0, 0.3, 1.5).items()
    }
    alone = fm(1.0)(controls(80.0, 0.3, 1.5)) + fm(4.0)(controls(80.0, 0.3, 1.5))
    assert torch.allclose(fm(1.0, 4.0)(both), alone, atol=1e-5)


def test_an_index_that_folds_nothing_is_left_alone():
    assert highest_index(torch.tensor((RATE / 2 - 440.0) / 440.0)) > 8
    assert highest_index(torch.tensor(100.0)) > 60


@pytest.mark.parametrize("sidebands", [0.5, 1.5, 3.2, 7.9, 15.5, 40.1])
def test_what_lies_beyond_the_highest_index_is_as_good_as_silent(sidebands):
    index = float(highest_index(torch.tensor(sidebands)))
    first = math.floor(sidebands) + 1
    beyond = sum(bessel(order, index) ** 2 for order in range(first, first + 20))
    assert 10 * math.log10(beyond + 1e-30) < -60


def test_a_gradient_finds_the_index():
    """The index of a target by its spectrum alone, from a duller start."""
    module = fm(3.0)
    wanted = amplitudes(module(controls(200.0, 1.0, 2.0)))
    index = torch.tensor(1.0, requires_grad=True)
    for _ in range(60):
        told = controls(200.0, 1.0, 0.0) | {"fm_indices": index.expand(1, FRAMES, 1)}
        heard = torch.fft.rfft(module(told)[0]).abs() * 2 / RATE
        loss = (heard - wanted).square().sum()
        index.data -= 0.3 * torch.autograd.grad(loss, index)[0]
    assert index.item() == pytest.approx(2.0, abs=0.02)
