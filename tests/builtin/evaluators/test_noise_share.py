import math

import pytest
import torch

from ddspcore.builtin.evaluators.noise_share import NoiseShare

RATE = 16000


def tone(f0_hz, harmonics=6) -> torch.Tensor:
    """A tone of unit energy at a constant or moving pitch."""
    phase = 2 * math.pi * torch.cumsum(f0_hz.double() / RATE, 0)
    x = sum(torch.sin(k * phase) / k for k in range(1, harmonics + 1))
    return (x / x.square().mean().sqrt()).float()


def hiss(share: float, samples: int, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(seed))
    return noise * math.sqrt(share / (1 - share))


STEADY = torch.full((2 * RATE,), 220.0)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_known_share_of_white_noise_is_found(evaluate, told, as_batches, share) -> None:
    x = 0.1 * (tone(STEADY) + hiss(share, len(STEADY)))
    found = evaluate(NoiseShare, told(same=lambda batch: batch["audio"]), as_batches(x))
    assert found["noise-share/recording"] == pytest.approx(share, rel=0.15)
    assert found["noise-share/prediction"] == found["noise-share/recording"]
    assert found["noise-share/error"] == 0.0


def test_a_tone_has_none_even_with_vibrato(evaluate, told, as_batches) -> None:
    t = torch.arange(2 * RATE) / RATE
    moving = 330.0 * 2 ** (0.5 / 12 * torch.sin(2 * math.pi * 5 * t))
    for f0_hz in (STEADY, moving):
        x = 0.1 * tone(f0_hz)
        found = evaluate(NoiseShare, told(same=lambda batch: batch["audio"]), as_batches(x))
        assert found["noise-share/recording"] < 0.01


def test_noise_in_place_of_the_tone_is_seen(evaluate, told, as_batches) -> None:
    x = 0.1 * tone(STEADY)
    noise = 0.1 * hiss(0.5, len(x))[None]
    found = evaluate(NoiseShare, told(noise=lambda batch: noise), as_batches(x))
    assert found["noise-share/prediction"] > 0.9
    assert found["noise-share/error"] > 0.9


def test_what_has_no_pitch_has_no_share(evaluate, told, as_batches) -> None:
    for silent in (torch.zeros(RATE), torch.zeros(100)):
        found = evaluate(NoiseShare, told(same=lambda batch: batch["audio"]), as_batches(silent))
        assert set(found.values()) == {0.0}
