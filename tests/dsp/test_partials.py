import math

import pytest
import torch

from ddspcore.dsp.oscillators import harmonic_bank
from ddspcore.dsp.partials import effective_number, partial_amplitudes, window_in_hops

RATE, HOP, FRAMES = 16_000, 256, 65
FALLING = 0.3 / torch.arange(1, 21)


def pitch(vibrato_cents: float = 0.0, hz: float = 220.0) -> torch.Tensor:
    seconds = torch.arange(FRAMES) * HOP / RATE
    cents = vibrato_cents * torch.sin(2 * math.pi * 5.5 * seconds)
    return (hz * 2 ** (cents / 1200))[None]


def tone(f0_hz: torch.Tensor, amplitudes: torch.Tensor) -> torch.Tensor:
    held = amplitudes.expand(1, f0_hz.shape[1], -1)
    return harmonic_bank(f0_hz, held.contiguous(), HOP, RATE)


@pytest.mark.parametrize("vibrato_cents", [0.0, 60.0])
@pytest.mark.parametrize("hz", [70.0, 220.0, 350.0])
def test_known_amplitudes_are_measured(hz, vibrato_cents):
    f0_hz = pitch(vibrato_cents, hz)
    found = partial_amplitudes(tone(f0_hz, FALLING), f0_hz, 20, HOP, RATE)
    assert found.shape == (1, FRAMES - window_in_hops(HOP, RATE), 20)
    torch.testing.assert_close(found, FALLING.expand_as(found), rtol=0.02, atol=1e-4)


def test_noise_is_not_taken_for_harmonics():
    f0_hz = pitch()
    noise = 0.05 * torch.randn(1, HOP * (FRAMES - 1), generator=torch.Generator().manual_seed(0))
    alone = partial_amplitudes(noise, f0_hz, 30, HOP, RATE)
    clean = tone(f0_hz, FALLING[:3])
    both = partial_amplitudes(clean + noise, f0_hz, 30, HOP, RATE)
    torch.testing.assert_close(both[..., :3].mean(1)[0], FALLING[:3], rtol=0.03, atol=0.0)
    # a window's sum over white noise of deviation s has the power s^2 sum w^2: 2 s sqrt(1.5 / L)
    level = 0.1 * math.sqrt(1.5 / (window_in_hops(HOP, RATE) * HOP))
    # less the floor, what is left of a power that falls exponentially is 1 / e of it
    assert float(alone.square().mean()) == pytest.approx(level**2 / math.e, rel=0.2)


def test_above_half_the_rate_is_nothing():
    f0_hz = pitch(hz=500.0)
    found = partial_amplitudes(tone(f0_hz, FALLING), f0_hz, 20, HOP, RATE)
    assert (found[..., :15] > 0).all()
    assert (found[..., 15:] == 0).all()


def test_a_sound_shorter_than_a_window_has_no_frames():
    assert partial_amplitudes(
        torch.zeros(1, 512), torch.full((1, 3), 200.0), 4, HOP, RATE
    ).shape == (1, 0, 4)


@pytest.mark.parametrize(
    ("weights", "number"),
    [([1.0] * 7, 7.0), ([0.0, 3.0, 0.0], 1.0), ([2.0, 1.0, 1.0], 2**1.5), ([0.0, 0.0], 0.0)],
)
def test_effective_number(weights, number):
    assert float(effective_number(torch.tensor(weights))) == pytest.approx(number)
