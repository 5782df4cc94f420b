"""What the loss must say of sounds whose answer is known."""

import math

import pytest
import torch
from ddsp_loss_melshape import MelShape

from ddspcore import Context

RATE = 16_000


@pytest.fixture
def distance():
    return MelShape(MelShape.Options(), Context({"sample": float(RATE), "frame": 62.5}))


@pytest.fixture
def noise():
    return torch.randn(1, RATE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
def test_a_gain_is_not_heard(distance, noise, gain):
    assert distance(gain * noise, noise) < 1e-4


def test_a_slow_envelope_is_not_heard(distance, noise):
    assert distance(torch.linspace(0.5, 1.0, RATE) * noise, noise) < 0.01


def test_the_upper_half_twice_as_loud_is_half_the_octave_of_power(distance, noise):
    """Bands rise by ln 4 above the middle of the mel scale, or by half of it about their mean."""
    middle_hz = 700 * (math.sqrt(1 + RATE / 2 / 700) - 1)
    spectrum = torch.fft.rfft(noise)
    spectrum[:, round(middle_hz) :] *= 2
    brighter = torch.fft.irfft(spectrum, RATE)
    assert distance(brighter, noise) == pytest.approx(math.log(2), rel=0.02)


def test_silence_has_no_shape(distance, noise):
    silence = torch.zeros_like(noise)
    assert distance(silence, silence) == 0
    assert distance(silence, noise) > 0.05
