"""The bank of harmonics in Triton equals the reference in value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import oscillators

pytest.importorskip("triton", reason="Triton is not installed")

from ddspcore.kernels.cuda import bank

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RATE = 16_000


def controls(items, frames, harmonics, low, high, seed=0):
    draw = torch.Generator().manual_seed(seed)
    f0 = low + (high - low) * torch.rand(items, frames, generator=draw)
    amplitudes = torch.randn(items, frames, harmonics, generator=draw) / harmonics**0.5
    return f0.to(DEVICE), amplitudes.to(DEVICE)


def answers(function, f0, amplitudes, hop, start=None):
    f0, amplitudes = f0.detach().requires_grad_(), amplitudes.detach().requires_grad_()
    signal = function(f0, amplitudes, hop, RATE, start)
    upstream = torch.cos(torch.arange(signal.numel(), device=DEVICE) * 0.7).view_as(signal)
    return signal.detach(), *torch.autograd.grad(signal, (f0, amplitudes), upstream)


def assert_alike(f0, amplitudes, hop, start=None):
    expected = answers(oscillators.harmonic_bank, f0, amplitudes, hop, start)
    for ours, theirs in zip(
        answers(bank.harmonic_bank, f0, amplitudes, hop, start), expected, strict=True
    ):
        scale = max(1.0, float(theirs.abs().max()))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=4e-6 * scale)


@settings(max_examples=5)
@given(
    items=st.integers(1, 2),
    frames=st.integers(2, 3),
    harmonics=st.integers(1, 13),
    hop=st.integers(1, 70),
    top=st.sampled_from([400.0, 7000.0]),
)
def test_any_size_equals_the_reference(items, frames, harmonics, hop, top):
    assert_alike(*controls(items, frames, harmonics, 30.0, top), hop)


def test_a_glide_is_masked_at_the_same_samples():
    """Within the hop every harmonic from the second to the 26th crosses Nyquist."""
    f0 = torch.tensor([[300.0, 7000.0]], device=DEVICE)
    assert_alike(f0, torch.ones(1, 2, 30, device=DEVICE), 130)


def test_many_harmonics_start_anew_and_a_long_hop_takes_blocks():
    assert_alike(*controls(1, 2, 75, 30.0, 130.0), 300)


def test_above_nyquist_is_silence():
    f0, amplitudes = controls(1, 2, 5, 8000.0, 9000.0)
    for value in answers(bank.harmonic_bank, f0, amplitudes, 40):
        assert not value.any()


@pytest.mark.parametrize("f0_hz", [1e-30, 1e-3, 0.7])
def test_a_frequency_near_zero_is_a_phase_like_any_other(f0_hz):
    f0 = torch.tensor([[f0_hz, 2.5 * f0_hz]], device=DEVICE)
    assert_alike(f0, torch.ones(1, 2, 5, device=DEVICE), 33)


def test_a_hop_at_a_time_continues_the_whole():
    f0, amplitudes = controls(2, 3, 3, 100.0, 3000.0)
    whole = bank.harmonic_bank(f0, amplitudes, 24, RATE)
    start = oscillators.phase_after(f0[:, :2], 24, RATE)
    rest = bank.harmonic_bank(f0[:, 1:], amplitudes[:, 1:], 24, RATE, start)
    assert torch.equal(rest, whole[:, 24:])


def test_frames_in_blocks_carry_the_phase_and_its_gradient(monkeypatch):
    monkeypatch.setattr(bank, "FRAMES", 2)
    start = torch.tensor([2 * RATE * 2**24 - 5], device=DEVICE)
    assert_alike(*controls(1, 6, 1, 100.0, 3000.0), 16, start)


def test_memory_may_be_laid_out_in_any_way():
    f0, amplitudes = controls(2, 3, 4, 100.0, 3000.0)
    shuffled = amplitudes.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    here = bank.harmonic_bank(f0, amplitudes, 8, RATE)
    assert torch.equal(bank.harmonic_bank(f0.T.contiguous().T, shuffled, 8, RATE), here)


def test_a_lone_frame_makes_no_sound():
    f0, amplitudes = controls(2, 1, 3, 100.0, 3000.0)
    signal, of_f0, of_amplitudes = answers(bank.harmonic_bank, f0, amplitudes, 16)
    assert signal.shape == (2, 0)
    assert not of_f0.any()
    assert not of_amplitudes.any()


def test_amplitudes_alone_keep_no_slopes_and_a_second_derivative_is_refused():
    f0, amplitudes = controls(1, 2, 3, 100.0, 3000.0)
    amplitudes.requires_grad_()
    signal = bank.harmonic_bank(f0, amplitudes, 16, RATE)
    assert signal.grad_fn.saved_tensors[2] is None
    (of_amplitudes,) = torch.autograd.grad(signal.square().sum(), amplitudes, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        of_amplitudes.sum().backward()
