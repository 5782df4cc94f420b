import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp.frames import frame
from ddspcore.dsp.stft import magnitude, power


@pytest.mark.parametrize("window", [64, 1024])
def test_a_sine_peaks_at_a_quarter_of_window_times_amplitude(window):
    x = 0.8 * torch.sin(2 * math.pi * 0.125 * torch.arange(4096).double()).float()[None]
    spectra = magnitude(x, window, window // 4)
    inner = spectra[0, 4:-4]
    assert (inner.argmax(-1) == window // 8).all()
    torch.testing.assert_close(
        inner[:, window // 8], torch.full((len(inner),), 0.2 * window), rtol=1e-4, atol=0
    )
    # A periodic Hann window has three bins, and nothing beside them.
    assert inner[:, window // 8 + 2 :].max() < 1e-3


@given(st.integers(1, 3), st.integers(1, 700), st.sampled_from([16, 64, 33]), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_magnitudes_match_a_direct_transform(batch, samples, window, hop):
    x = torch.randn(batch, samples, generator=torch.Generator().manual_seed(samples))
    t = torch.arange(window, dtype=torch.float64)
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * t / window)
    turns = torch.arange(window // 2 + 1, dtype=torch.float64)[:, None] * t / window
    wave = torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
    frames = (frame(x.double(), window, hop) * hann).to(torch.complex128)
    direct = (frames @ wave.T).abs()
    assert direct.shape == (batch, samples // hop + 1, window // 2 + 1)
    torch.testing.assert_close(magnitude(x, window, hop).double(), direct, rtol=0, atol=1e-4)


def test_silence_has_no_gradient():
    x = torch.zeros(1, 300, requires_grad=True)
    spectra = magnitude(x, 64, 16)
    spectra.sum().backward()
    assert spectra.max() < 1e-18
    assert not x.grad.any()


def test_gradcheck():
    x = torch.randn(1, 40, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: magnitude(x, 16, 4), x)
    assert torch.autograd.gradcheck(lambda x: power(x, 16, 4), x)
