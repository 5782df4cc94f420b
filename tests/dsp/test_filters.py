import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import frames
from ddspcore.dsp.filters import fft_convolve, filtered_noise


def white(batch, samples, seed=0, dtype=torch.float32):
    uniform = torch.rand(batch, samples, generator=torch.Generator().manual_seed(seed))
    return (2 * uniform - 1).to(dtype)


def impulse_responses(magnitudes):
    """Zero-phase taps -(bands - 1) + 1 .. bands - 2 under a Hann window, in float64."""
    taps = 2 * (magnitudes.shape[-1] - 1)
    lag = torch.arange(-(taps // 2) + 1, taps // 2)
    hann = 0.5 + 0.5 * torch.cos(2 * math.pi * lag / taps)
    return torch.fft.irfft(magnitudes.double(), n=taps)[..., lag % taps] * hann


def direct_filter(noise, magnitudes, hop):
    """Every input sample rings through the filter that is linear between its frames."""
    ir = impulse_responses(magnitudes)
    reach = ir.shape[-1] // 2
    out = torch.zeros(len(noise), noise.shape[1] + 2 * reach, dtype=torch.float64)
    for t in range(noise.shape[1]):
        n, weight = t // hop, (t % hop) / hop
        taps = (1 - weight) * ir[:, n] + weight * ir[:, n + 1]
        out[:, t : t + ir.shape[-1]] += noise[:, t, None].double() * taps
    return out[:, reach : reach + noise.shape[1]]


@given(
    st.integers(1, 3),
    st.integers(2, 5),
    st.sampled_from([2, 3, 8, 65]),
    st.sampled_from([1, 5, 64, 100]),
    st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_noise_matches_direct_filtering(batch, frames, bands, hop, seed):
    noise = white(batch, (frames - 1) * hop, seed)
    magnitudes = torch.rand(batch, frames, bands, generator=torch.Generator().manual_seed(seed))
    expected = direct_filter(noise, magnitudes, hop)
    torch.testing.assert_close(
        filtered_noise(noise, magnitudes, hop).double(), expected, rtol=0, atol=2e-6
    )


def test_flat_magnitudes_change_nothing_and_delay_nothing():
    noise = white(2, 8 * 256)
    torch.testing.assert_close(
        filtered_noise(noise, torch.ones(2, 9, 65), 256), noise, rtol=0, atol=1e-6
    )


def test_a_click_rings_evenly_to_both_sides():
    click = torch.zeros(1, 1024)
    click[0, 300] = 1.0
    out = filtered_noise(click, torch.rand(1, 17, 65).sort().values, 64)[0]
    steady = filtered_noise(click, torch.linspace(0, 1, 65).expand(1, 17, 65), 64)[0]
    assert out.abs().argmax() == steady.abs().argmax() == 300
    torch.testing.assert_close(steady[300 - 63 : 300], steady[301 : 300 + 64].flip(0))


def test_spectrum_follows_the_magnitudes():
    """Averaged over half a minute, the power in each band is the square of its magnitude."""
    bands, hop, frames = 9, 64, 8001
    magnitudes = torch.tensor([0.1, 0.1, 1.0, 1.0, 0.5, 0.5, 0.02, 0.02, 0.02])
    noise = white(1, (frames - 1) * hop)
    out = filtered_noise(noise, magnitudes.expand(1, frames, bands), hop)
    power = torch.fft.rfft(out.view(-1, 16) * torch.hann_window(16)).abs().square().mean(0)
    # Under two Hann windows (the filter's and this one's) a band mixes with its neighbours.
    ir = impulse_responses(magnitudes)
    response = torch.fft.rfft(ir, n=4096).abs().square()
    window = torch.fft.fft(torch.hann_window(16, dtype=torch.float64), n=4096).abs().square()
    grid = torch.cat([response, response[1:-1].flip(0)])
    smeared = torch.fft.ifft(torch.fft.fft(grid) * torch.fft.fft(window)).real / 4096 / 3
    torch.testing.assert_close(power.double(), smeared[:2049:256], rtol=0.05, atol=1e-4)


def test_noise_gradcheck():
    noise = white(2, 12, dtype=torch.float64).requires_grad_()
    magnitudes = torch.rand(2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w, m: filtered_noise(w, m, 4), (noise, magnitudes))


@pytest.mark.parametrize("block", [1, 1000])
def test_hops_in_blocks_are_the_same(monkeypatch, block):
    noise = white(2, 12 * 10, dtype=torch.float64)
    magnitudes = torch.rand(2, 13, 9, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(2, 120, dtype=torch.float64)

    def answers():
        made = filtered_noise(noise, magnitudes, 10)
        return made, *torch.autograd.grad(made, magnitudes, upstream)

    whole = answers()
    monkeypatch.setattr(frames, "CPU_BLOCK", block)
    torch.testing.assert_close(answers(), whole)


def test_a_lone_frame_makes_no_sound():
    magnitudes = torch.rand(2, 1, 9, requires_grad=True)
    made = filtered_noise(torch.zeros(2, 0), magnitudes, 10)
    made.sum().backward()
    assert made.shape == (2, 0)
    assert not magnitudes.grad.any()


def test_nothing_is_kept_but_what_came_in():
    noise, magnitudes = white(2, 640), torch.rand(2, 11, 65, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        filtered_noise(noise, magnitudes, 64)
    assert sum(x.nbytes for x in kept) == noise.nbytes + magnitudes.nbytes


def test_noise_after_inference_mode_can_still_be_trained():
    """What is cached must not remember the mode in which it was made."""
    noise, magnitudes = white(1, 33 * 2), torch.rand(1, 3, 12, requires_grad=True)
    with torch.inference_mode():
        filtered_noise(noise, magnitudes, 33)
    filtered_noise(noise, magnitudes, 33).sum().backward()
    assert magnitudes.grad.isfinite().all()


@given(st.integers(1, 3), st.integers(1, 90), st.integers(1, 130), st.booleans())
@settings(max_examples=30, deadline=None)
def test_convolution_is_causal_and_exact(batch, samples, taps, shared):
    x = white(batch, samples, 1)
    ir = white(1 if shared else batch, taps, 2)
    expected = torch.zeros(batch, samples, dtype=torch.float64)
    for delay in range(min(samples, taps)):
        expected[:, delay:] += ir[:, delay, None].double() * x[:, : samples - delay].double()
    torch.testing.assert_close(fft_convolve(x, ir).double(), expected, rtol=0, atol=1e-5)


def test_convolution_gradcheck():
    x, ir = white(2, 9, dtype=torch.float64), white(1, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(fft_convolve, (x.requires_grad_(), ir.requires_grad_()))


@pytest.mark.parametrize("batch", [1, 2])
def test_autocast_changes_nothing(batch):
    noise, magnitudes = white(batch, 128), torch.rand(batch, 3, 9)
    with torch.autocast("cpu", torch.bfloat16):
        inside = filtered_noise(noise, magnitudes, 64)
    torch.testing.assert_close(inside, filtered_noise(noise, magnitudes, 64), rtol=0, atol=0)
