"""Penalties on controls: known answers, directions of descent, and silence."""

import math

import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.regularisers import (
    HarmonicConcentration,
    HarmonicEntropy,
    NoiseDominance,
    harmonic_level,
    noise_level,
)
from ddspcore.kernels import filtered_noise, harmonic_bank
from ddspcore.randomness import white_noise

CTX = Context({"sample": 16_000.0, "frame": 62.5})


def entropy(shares):
    return HarmonicEntropy()({"harmonic_distribution": shares})


def concentration(shares):
    return HarmonicConcentration()({"harmonic_distribution": shares})


def dominance(amplitude=0.5, magnitudes=1.0, voicing=1.0, f0_hz=200.0, shares=None, ratio=1.0):
    shares = torch.tensor([1.0, 0.0]) if shares is None else shares
    loss = NoiseDominance(NoiseDominance.Options(ratio=ratio), CTX)
    controls = {
        "f0_hz": torch.full((2, 5, 1), f0_hz),
        "voicing": torch.full((2, 5, 1), voicing),
        "harmonic_amplitude": torch.full((2, 5, 1), amplitude),
        "harmonic_distribution": shares.expand(2, 5, -1),
        "noise_magnitudes": torch.full((2, 5, 65), magnitudes),
    }
    return loss(controls).item()


def one_hot(partials):
    return torch.nn.functional.one_hot(torch.tensor([[0, partials - 1]]), partials).double()


def even(partials):
    return torch.full((2, 5, partials), 1 / partials, dtype=torch.float64)


@pytest.mark.parametrize("partials", [1, 2, 64])
def test_even_shares_lack_nothing_and_a_single_one_lacks_all(partials):
    assert entropy(even(partials)).item() == pytest.approx(0.0, abs=1e-12)
    assert concentration(even(partials)).item() == pytest.approx(0.0, abs=1e-12)
    assert entropy(one_hot(partials)).item() == pytest.approx(math.log(partials))
    assert concentration(one_hot(partials)).item() == pytest.approx(1 - 1 / partials)


def test_entropy_is_in_nats_and_concentration_in_squares():
    shares = torch.tensor([[[0.5, 0.25, 0.25, 0.0]]])
    assert entropy(shares).item() == pytest.approx(math.log(4) - 1.5 * math.log(2), rel=1e-6)
    assert concentration(shares).item() == pytest.approx(0.25 + 2 / 16 - 1 / 4, rel=1e-6)


@pytest.mark.parametrize("penalty", [entropy, concentration])
def test_it_is_a_mean_over_frames(penalty):
    shares = torch.cat([even(4)[:, :1], one_hot(4)[:, :1].expand(2, -1, -1)], dim=1)
    assert penalty(shares).item() == pytest.approx(penalty(one_hot(4)).item() / 2)


@pytest.mark.parametrize("penalty", [entropy, concentration])
def test_descent_spreads_what_is_concentrated(penalty):
    logits = torch.tensor([[[3.0, 0.0, -1.0]]], requires_grad=True)
    penalty(logits.softmax(-1)).backward()
    assert logits.grad[0, 0, 0] > 0
    assert (logits.grad[0, 0, 1:] < 0).all()


@pytest.mark.parametrize("penalty", [entropy, concentration])
def test_gradients_are_those_of_finite_differences(penalty):
    logits = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: penalty(x.softmax(-1)), logits)


@pytest.mark.parametrize("penalty", [entropy, concentration])
def test_a_share_of_zero_has_a_finite_gradient(penalty):
    shares = torch.tensor([[[1.0, 0.0, 0.0]]], requires_grad=True)
    penalty(shares).backward()
    assert shares.grad.isfinite().all()


def test_levels_are_those_of_what_the_synths_play():
    amplitudes = torch.tensor([0.4, 0.2, 0.1]).expand(1, 63, 3)
    tone = harmonic_bank(torch.full((1, 63), 200.0), amplitudes, 256, 16_000)
    rms = tone.square().mean().sqrt()
    assert harmonic_level(amplitudes)[0, 0].item() == pytest.approx(rms.item(), rel=1e-3)
    white = white_noise(torch.arange(1), 62 * 256, seed=1, step=0, label="white")
    for shape in (torch.full((65,), 0.3), torch.linspace(0, 1, 65), torch.linspace(1, 0, 65)):
        magnitudes = shape.expand(1, 63, 65)
        hiss = filtered_noise(white, magnitudes, 256)[:, 1000:-1000]
        level = noise_level(magnitudes)[0, 0].item()
        assert level == pytest.approx(hiss.square().mean().sqrt().item(), rel=0.03)


def test_noise_is_free_up_to_the_level_of_the_tone():
    """A sine of 0.5 is at 0.354 RMS, noise of magnitude m at m / sqrt(3)."""
    tone, noise = 0.5 / math.sqrt(2), 1 / math.sqrt(3)
    assert dominance() == pytest.approx((noise - tone) ** 2, rel=1e-5)
    assert dominance(magnitudes=0.6) == 0.0
    assert dominance(magnitudes=0.6, ratio=0.1) == pytest.approx(
        (0.6 * noise - 0.1 * tone) ** 2, rel=1e-5
    )
    assert dominance(ratio=2.0) == 0.0


def test_noise_is_free_where_nothing_is_voiced():
    assert dominance(voicing=0.0) == 0.0
    assert dominance(voicing=0.5) == pytest.approx(dominance() / 2)


def test_harmonics_above_nyquist_are_not_heard():
    inaudible = torch.tensor([0.0, 1.0])
    assert dominance(f0_hz=5000.0, shares=inaudible) == pytest.approx(1 / 3, rel=1e-5)


def test_gradients_of_noise_dominance_are_those_of_finite_differences():
    loss = NoiseDominance(NoiseDominance.Options(ratio=0.3), CTX)
    f0_hz, voicing = torch.full((1, 2, 1), 2500.0).double(), torch.ones(1, 2, 1).double()

    def penalty(amplitude, logits, magnitudes):
        return loss(
            {
                "f0_hz": f0_hz,
                "voicing": voicing,
                "harmonic_amplitude": amplitude,
                "harmonic_distribution": logits.softmax(-1),
                "noise_magnitudes": magnitudes,
            }
        )

    g = torch.Generator().manual_seed(0)
    inputs = [
        torch.rand(1, 2, channels, generator=g, dtype=torch.float64, requires_grad=True)
        for channels in (1, 4, 5)
    ]
    assert penalty(*inputs) > 0
    assert torch.autograd.gradcheck(penalty, inputs)


def test_silence_on_either_side_has_a_finite_gradient():
    loss = NoiseDominance(NoiseDominance.Options(), CTX)
    for amplitude, magnitude in ((0.0, 0.0), (0.0, 1e-20), (1e-20, 0.0), (0.0, 2.0)):
        controls = {
            "f0_hz": torch.full((1, 3, 1), 100.0),
            "voicing": torch.ones(1, 3, 1),
            "harmonic_amplitude": torch.full((1, 3, 1), amplitude, requires_grad=True),
            "harmonic_distribution": torch.full((1, 3, 4), 0.25, requires_grad=True),
            "noise_magnitudes": torch.full((1, 3, 9), magnitude, requires_grad=True),
        }
        loss(controls).backward()
        for value in controls.values():
            assert value.grad is None or value.grad.isfinite().all()
