"""Why noise is too soft in a spectral loss, and that its excess over its own noise is not."""

import math

import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.losses import ExcessSpectra, MultiResolutionSpectra
from ddspcore.dsp.filters import filtered_noise
from ddspcore.randomness import white_noise

CTX = Context({"sample": 16_000.0, "frame": 62.5})
HOP, HOPS, BANDS = 256, 40, 17
LINEAR = {"windows": (0.032,), "log": 0.0}
LOG = {"windows": (0.032,), "linear": 0.0}
BOTH = {"windows": (0.008, 0.032)}
TOO_SOFT = (2.0 ** (2.0 / 3.0) - 1.0) ** 0.5
"""The level at which E|a R1 - R2| is least for Rayleigh variables: -2.31 dB."""


def noise(step, magnitudes, items=8, dtype=torch.float32):
    white = white_noise(torch.arange(items), HOP * HOPS, seed=1, step=step, label="test")
    return filtered_noise(white.to(dtype), magnitudes.to(dtype), HOP)


def flat(gain, items=8):
    return gain * torch.full((items, HOPS + 1, BANDS), 0.1)


def slope(kind, gain, options, realisations=6):
    """Return the derivative of the loss by the logarithm of the noise's level, on average."""
    loss = kind(kind.Options(**options), CTX)
    prepared = loss.prepare(noise(0, flat(1.0)))
    log_gain = torch.tensor(math.log(gain), requires_grad=True)
    for step in range(1, realisations + 1):
        pred = noise(step, flat(log_gain.exp()))
        other = {"again": noise(-step, flat(gain))} if kind is ExcessSpectra else {}
        loss(pred, prepared=prepared, **other).backward()
    return log_gain.grad.item() / realisations


@pytest.mark.parametrize("options", [LINEAR, LOG, BOTH], ids=["linear", "log", "both"])
def test_the_right_level_of_noise_is_where_the_excess_does_not_pull(options):
    at_one = slope(ExcessSpectra, 1.0, options)
    softer, louder = (slope(ExcessSpectra, 10 ** (db / 20), options) for db in (-2.0, 2.0))
    assert softer < 0.0 < louder
    # Less than the pull of a third of a decibel.
    assert abs(at_one) < (louder - softer) / 12


def test_a_linear_distance_is_least_where_noise_is_too_soft():
    pulls = slope(MultiResolutionSpectra, 1.0, LINEAR)
    assert pulls > 0.0
    assert abs(slope(MultiResolutionSpectra, TOO_SOFT, LINEAR)) < pulls / 8


def test_the_slope_is_that_of_two_rayleigh_variables():
    # d/da E|a R1 - R2| = E[R1] (1 - 2 / (1 + a^2)^(3/2)); both have the mean of the magnitudes.
    mean = MultiResolutionSpectra(MultiResolutionSpectra.Options(**LINEAR), CTX)
    magnitudes = mean.prepare(noise(0, flat(1.0)))["512"]
    expected = magnitudes.mean().item() * (1.0 - 2.0**-0.5)
    assert slope(MultiResolutionSpectra, 1.0, LINEAR) == pytest.approx(expected, rel=0.05)


def test_what_has_no_noise_is_pulled_as_by_the_distance_alone():
    t = torch.arange(HOP * HOPS) / 16_000
    target = 0.3 * torch.sin(2 * math.pi * 440 * t)[None]
    gradients = []
    for kind in (MultiResolutionSpectra, ExcessSpectra):
        loss = kind(kind.Options(), CTX)
        pred = (0.5 * target + 0.01 * torch.sin(2 * math.pi * 450 * t)).requires_grad_()
        other = {"again": pred.detach()} if kind is ExcessSpectra else {}
        loss(pred, prepared=loss.prepare(target), **other).backward()
        gradients.append(pred.grad)
    assert torch.equal(*gradients)


def test_the_gradient_through_the_noise_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(1)
    magnitudes = 0.05 + 0.1 * torch.rand(1, HOPS + 1, BANDS, generator=generator).double()
    where = torch.randn(magnitudes.shape, generator=generator).double()
    loss = ExcessSpectra(ExcessSpectra.Options(), CTX)
    prepared = loss.prepare(noise(0, magnitudes, 1, torch.float64))
    again = noise(2, magnitudes, 1, torch.float64)

    def value(by):
        return loss(noise(1, magnitudes + by * where, 1, torch.float64), again, prepared)

    by = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (told,) = torch.autograd.grad(value(by), by)
    measured = (value(1e-7) - value(-1e-7)) / 2e-7
    assert told.item() == pytest.approx(measured.item(), rel=1e-6)
