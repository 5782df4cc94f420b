import math

import pytest
import torch

from ddspcore.dsp.frames import frame, samples
from ddspcore.dsp.loudness import a_weighted_db, a_weighting_db, rms_db

# IEC 61672-1:2013, table 3: bands 10 (10 Hz) to 43 (20 kHz), centred on 10 ** (band / 10).
STANDARD = [
    *(-70.4, -63.4, -56.7, -50.5, -44.7, -39.4, -34.6, -30.2, -26.2, -22.5, -19.1, -16.1),
    *(-13.4, -10.9, -8.6, -6.6, -4.8, -3.2, -1.9, -0.8, 0.0, 0.6, 1.0, 1.2, 1.3, 1.2, 1.0),
    *(0.5, -0.1, -1.1, -2.5, -4.3, -6.6, -9.3),
]
RATES = [8_000, 16_000, 44_100, 48_000, 96_000]


def sine(freq_hz, sample_rate, seconds=0.5):
    t = torch.arange(round(seconds * sample_rate), dtype=torch.float64) / sample_rate
    return torch.sin(2 * math.pi * freq_hz * t).float()[None]


def test_the_curve_is_the_standards():
    centres_hz = 10.0 ** (torch.arange(10, 44) / 10)
    error = a_weighting_db(centres_hz) - torch.tensor(STANDARD)
    assert error.abs().max() < 0.06  # the table has one decimal
    assert a_weighting_db(torch.tensor(1000.0)).abs() < 1e-3
    assert a_weighting_db(torch.tensor(0.0)) == -math.inf


@pytest.mark.parametrize("rate", RATES)
def test_steady_sines_follow_the_curve(rate):
    window = samples(0.064, rate)
    for freq_hz in torch.logspace(2, math.log10(0.49 * rate), 25).tolist():
        level = a_weighted_db(sine(freq_hz, rate), rate, window // 4, window)[0, 4:-4]
        expected = a_weighting_db(torch.tensor(freq_hz))
        assert (level - expected).abs().max() < 0.2, freq_hz


@pytest.mark.parametrize("rate", RATES)
def test_a_sweep_follows_the_curve(rate):
    hop, window = samples(0.016, rate), samples(0.064, rate)
    octaves = math.log2(0.49 * rate / 100)
    t = torch.arange(2 * rate, dtype=torch.float64) / rate
    freq_hz = 100 * 2 ** (octaves * t / 2)
    x = 0.1 * torch.sin(2 * math.pi * torch.cumsum(freq_hz / rate, 0))
    level = a_weighted_db(x.float()[None], rate, hop, window)[0, 4:-4]
    centres = torch.arange(4, 4 + level.shape[0]) * hop
    expected = a_weighting_db(freq_hz[centres]) - 20
    assert (level - expected).abs().max() < 0.5


@pytest.mark.parametrize("freq_hz", [100.0, 1000.0, 3000.0])
def test_rms_is_level_of_a_full_scale_sine_at_any_frequency(freq_hz):
    level = rms_db(0.5 * sine(freq_hz, 16_000), 256, 1024)[0, 4:-4]
    torch.testing.assert_close(level, torch.full_like(level, -6.0206), atol=0.01, rtol=0)


def test_white_noise_has_the_power_of_the_weighted_band():
    rate = 16_000
    x = 0.1 * torch.randn(1, 20 * rate, generator=torch.Generator().manual_seed(1))
    freq_hz = torch.linspace(1, rate / 2, 20_000)
    share = (10 ** (a_weighting_db(freq_hz) / 10)).mean()
    power = 10 ** (a_weighted_db(x, rate, 256, 1024) / 10)
    expected = 2 * 0.01 * share
    torch.testing.assert_close(power[0, 4:-4].mean(), expected, rtol=0.02, atol=0)


def test_the_length_is_that_of_the_time_axis():
    for length in (1, 255, 256, 5000):
        x = torch.zeros(2, length)
        assert a_weighted_db(x, 16_000, 256, 1024).shape == (2, length // 256 + 1)
        assert rms_db(x, 256, 1024).shape == (2, length // 256 + 1)


MEASURES = {
    "a-weighted": lambda x, floor_db=-80.0: a_weighted_db(x, 8_000, 16, 64, floor_db),
    "rms": lambda x, floor_db=-80.0: rms_db(x, 16, 64, floor_db),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_silence_is_the_floor_and_its_gradient_finite(measure):
    x = torch.zeros(1, 200, requires_grad=True)
    level = measure(x)
    assert (level == -80).all()
    (level - 3).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    torch.testing.assert_close(measure(torch.zeros(1, 200), -60.0), torch.full((1, 13), -60.0))


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_the_gradient_is_that_of_the_level(measure):
    x = torch.randn(1, 40, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.autograd.gradcheck(measure, x.requires_grad_())


@pytest.mark.parametrize("window", [64, 33])
@pytest.mark.parametrize("length", [1, 40, 401])
def test_a_weighted_power_and_its_gradient_match_their_definition(window, length, monkeypatch):
    """In float64, through autograd and a whole Fourier transform, weighted on both its halves."""
    monkeypatch.setattr("ddspcore.dsp.frames.CPU_BLOCK", 500)
    generator = torch.Generator().manual_seed(length)
    x = torch.randn(2, length, generator=generator, dtype=torch.float64, requires_grad=True)
    hann = torch.hann_window(window, dtype=torch.float64)
    spectrum = torch.fft.fft(frame(x, window, 16) * hann).abs().square()
    weights = 10 ** (a_weighting_db(torch.fft.fftfreq(window, 1 / 8_000).abs().double()) / 10)
    power = 2 * (spectrum * weights).sum(-1) / (window * hann.square().sum())
    true = 10 * torch.log10(power.clamp(min=1e-8))
    mine = a_weighted_db(x, 8_000, 16, window)
    torch.testing.assert_close(mine, true)
    upstream = torch.randn(mine.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(*(torch.autograd.grad(v, x, upstream)[0] for v in (mine, true)))


def test_only_the_signal_is_kept_for_the_gradient():
    x = torch.randn(2, 4000, requires_grad=True)
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.setdefault(x.data_ptr(), x), lambda x: x
    ):
        a_weighted_db(x, 8_000, 16, 64)
    levels = 2 * (4000 // 16 + 1)
    assert sum(t.numel() for t in kept.values()) <= x.numel() + 2 * levels + 64


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_items_of_a_batch_do_not_mix_and_chunks_do_not_show(measure, monkeypatch):
    x = torch.randn(3, 4000, generator=torch.Generator().manual_seed(3))
    together = measure(x)
    for item, level in zip(x, together, strict=True):
        torch.testing.assert_close(measure(item[None])[0], level, atol=1e-4, rtol=0)
    monkeypatch.setattr("ddspcore.dsp.loudness.CHUNK_FRAMES", 7)
    monkeypatch.setattr("ddspcore.dsp.frames.CPU_BLOCK", 7 * 64)
    torch.testing.assert_close(measure(x), together, atol=1e-4, rtol=0)
