"""Instantaneous frequency against tones whose frequency is known."""

import math

import pytest
import torch

from ddspcore.dsp.instantaneous import moments

RATE = 16_000.0
WINDOW, HOP = 1024, 256


def steady(hz, samples=16_000):
    t = torch.arange(samples, dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * hz * t)[None]


@pytest.mark.parametrize("hz", [440.0, 1003.7, 3999.1])
def test_every_bin_of_a_lobe_says_the_tone(hz):
    power, product = moments(steady(hz), WINDOW, HOP, RATE)
    inner = slice(4, -4)  # reflected ends are no tone
    loud = power[:, inner] > 1e-3 * power[:, inner].amax(-1, keepdim=True)
    assert loud.sum(-1).min() >= 3
    said = (product / power)[:, inner][loud]
    assert (said - hz).abs().max() < 0.05


def test_a_band_of_two_tones_says_their_mean_by_power():
    x = steady(1000.0) + 0.5 * steady(2000.0)
    power, product = moments(x, WINDOW, HOP, RATE)
    said = (product.sum(-1) / power.sum(-1))[:, 4:-4]
    assert (said - (1000.0 + 0.25 * 2000.0) / 1.25).abs().max() < 0.5


def test_of_a_glide_it_says_the_middle_of_the_window():
    t = torch.arange(16_000, dtype=torch.float64) / RATE
    x = torch.sin(2 * math.pi * (500.0 * t + 200.0 * t.square()))[None]  # 500 Hz + 400 Hz a second
    power, product = moments(x, WINDOW, HOP, RATE)
    said = (product.sum(-1) / power.sum(-1))[0, 4:-4]
    there = 500.0 + 400.0 * torch.arange(power.shape[1])[4:-4] * HOP / RATE
    assert (said - there).abs().max() < 0.1


def test_silence_has_neither_and_a_finite_gradient():
    x = torch.zeros(2, 4000, requires_grad=True)
    power, product = moments(x, WINDOW, HOP, RATE)
    (power.sum() + product.sum()).backward()
    assert not power.any()
    assert not product.any()
    assert not x.grad.any()


def test_it_has_the_gradient_of_its_value():
    x = torch.randn(1, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(lambda x: moments(x, 32, 16, 100.0), x.requires_grad_())
