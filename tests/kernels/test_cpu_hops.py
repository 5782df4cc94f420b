"""What the compiled library does a hop at a time equals the plain version of it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import amplitude_maps, hiss, hops
from ddspcore.kernels import cpu

pytestmark = pytest.mark.skipif(cpu.missing() is not None, reason=str(cpu.missing()))

seeds, batches = st.integers(0, 99), st.integers(1, 3)


@given(
    seed=seeds,
    batch=batches,
    bands=st.sampled_from([2, 3, 17, 65, 140]),
    hop=st.sampled_from([1, 50, 64, 256]),
)
@settings(max_examples=30)
def test_noise(seed, batch, bands, hop):
    torch.manual_seed(seed)
    magnitudes, white = torch.rand(6, batch, bands), 2 * torch.rand(5, batch, hop) - 1
    fast = cpu.noise_hops(magnitudes[0], hop)
    true = hiss.noise_hops(magnitudes[0].double(), hop)
    for one, frame in zip(white, magnitudes[1:], strict=True):
        heard, exact = fast.play(one, frame), true.play(one.double(), frame.double())
        torch.testing.assert_close(heard.double(), exact, rtol=0, atol=3e-6)


def test_long_filters_go_through_transforms():
    magnitudes = torch.rand(1, 1025)
    assert type(cpu.noise_hops(magnitudes, 256)).__module__ == "ddspcore.dsp.hiss"


@given(
    seed=seeds,
    batch=batches,
    frames=st.integers(1, 3),
    width=st.integers(1, 70),
    outputs=st.integers(1, 140),
)
@settings(max_examples=30)
def test_amplitudes(seed, batch, frames, width, outputs):
    torch.manual_seed(seed)
    bias, matrix = torch.randn(outputs, dtype=torch.float64), torch.randn(width, outputs)
    hidden = torch.randn(batch, width, frames).mT
    said = cpu.amplitudes(bias.float(), matrix).of(hidden)
    true = amplitude_maps.amplitudes(bias.float().double(), matrix.double()).of(hidden.double())
    torch.testing.assert_close(said.double(), true, rtol=1e-4, atol=1e-9)


def test_amplitudes_at_the_extremes():
    bias = torch.tensor([-torch.inf, -200.0, 0.0, 200.0, torch.inf, torch.nan])
    said = cpu.amplitudes(bias, torch.zeros(1, 6)).of(torch.zeros(1, 1, 1))
    expected = torch.tensor([1e-7, 1e-7, 2 * 0.5**2.302585093, 2.0, 2.0, torch.nan])
    torch.testing.assert_close(said[0, 0], expected, equal_nan=True)


@given(seed=seeds, batch=batches, harmonics=st.integers(1, 120))
@settings(max_examples=30)
def test_shares(seed, batch, harmonics):
    torch.manual_seed(seed)
    distribution = torch.rand(batch, harmonics + 1)[:, :-1]
    amplitude, f0_hz = torch.rand(batch, 1), (4000 * torch.rand(batch)).tolist()
    f0_hz[0] = 8000.0  # the first harmonic lies at Nyquist: silence
    was = torch.rand(batch, 2, harmonics)
    ends, true = was.clone(), was.clone()
    cpu.share(f0_hz, amplitude, distribution, ends, 16_000)
    hops.share(f0_hz, amplitude, distribution, true, 16_000)
    torch.testing.assert_close(ends, true)
    assert torch.equal(ends[:, 0], was[:, 1])
    assert not ends[0, 1].any()
