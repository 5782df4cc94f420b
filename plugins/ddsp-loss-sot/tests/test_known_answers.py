"""What the loss must say of sounds whose answer is known."""

import math

import pytest
import torch
from ddsp_loss_sot import SpectralTransport, transport

from ddspcore import Context
from ddspcore.builtin.losses import MultiResolutionSpectra

RATE = 16_000
CTX = Context({"sample": float(RATE), "frame": 62.5})


def distance(order=2):
    module = SpectralTransport(SpectralTransport.Options(order=order), CTX)
    return lambda pred, target: module(pred, module.prepare(target))


def tone(hz, amplitude=0.3):
    """Return half a second of a sine. Shape: hz [] -> [1,T]."""
    t = torch.arange(RATE // 2) / RATE
    return (amplitude * torch.sin(2 * math.pi * hz * t))[None]


@pytest.mark.parametrize("apart", [50.0, 400.0, 3000.0])
@pytest.mark.parametrize("order", [1, 2])
def test_tones_are_as_far_apart_as_their_frequencies(order, apart):
    found = distance(order)(tone(1000.0), tone(1000.0 + apart))
    assert found == pytest.approx((apart / 1000) ** order, rel=0.05)


def test_two_points_of_different_weights():
    """A quarter goes one place, a half two places, a quarter stays."""
    a = torch.tensor([0.5, 1.0, 1.0, 1.0]), torch.tensor([0.25, 0.25, 0.5, 1.0])
    places = torch.arange(4.0)
    assert transport(*a, places, 1) == pytest.approx(0.25 * 0 + 0.25 * 2 + 0.5 * 2)
    assert transport(*a, places, 2) == pytest.approx(0.25 * 0 + 0.25 * 4 + 0.5 * 4)


def test_it_has_the_gradient_of_a_distance():
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand(2, 3, 9, generator=generator, dtype=torch.float64)
    a, b = (weights.cumsum(-1) / weights.sum(-1, keepdim=True)).requires_grad_()
    places = torch.arange(9, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: transport(x, b.detach(), places, 2), a)


def test_gain_is_not_heard():
    assert distance()(0.1 * tone(440.0), tone(440.0)) < 1e-3


def test_silence_is_energy_everywhere():
    silence = torch.zeros(1, RATE // 2)
    assert distance()(silence, silence) == 0
    # from 0 kHz to an even spread up to 8 kHz: the mean of x squared
    assert distance()(tone(20.0), silence) == pytest.approx(8**2 / 3, rel=0.02)


def slope(loss, hz, target_hz):
    """Return how a loss rises with the frequency of the tone that is predicted."""
    f = torch.tensor(hz, requires_grad=True)
    return float(torch.autograd.grad(loss(tone(f), tone(target_hz)), f)[0])


def test_its_gradient_leads_a_tone_home_where_that_of_magnitudes_does_not():
    spectra = MultiResolutionSpectra(MultiResolutionSpectra.Options(), CTX)
    starts = [hz for hz in torch.arange(200.0, 3900.0, 123.0).tolist() if abs(hz - 2000) > 100]
    for hz in starts:
        assert slope(distance(), hz, 2000.0) == pytest.approx(2 * (hz - 2000) * 1e-6, rel=0.05)
    theirs = [slope(lambda p, t: spectra(p, spectra.prepare(t)), hz, 2000.0) for hz in starts]
    right = sum(of * (hz - 2000) > 0 for hz, of in zip(starts, theirs, strict=True))
    assert right < 0.8 * len(starts)
