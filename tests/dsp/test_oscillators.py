import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import harmonics
from ddspcore.dsp.oscillators import harmonic_bank, phase_cycles
from ddspcore.dsp.upsampling import linear

RATE = 16_000


@pytest.fixture(scope="module", autouse=True)
def _as_if_large():
    """What is small here for the sake of time goes the way of what is large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harmonics, "CPU_FEW", 0)
        yield


def direct_phase(f0_hz, hop, rate):
    """The definition, in float64: every sample's phase is the sum of the frequencies before it."""
    f0 = linear(f0_hz.double()[..., None], hop).unflatten(1, (-1, hop))[..., 0]
    hops = f0.sum(2, keepdim=True) % rate  # or an hour of them drifts, even in float64
    return ((hops.cumsum(1) - hops + f0.cumsum(2) - f0) / rate).flatten(1)


def direct_bank(f0_hz, amplitudes, hop, rate):
    f0 = linear(f0_hz.double()[..., None], hop)
    k = torch.arange(1, amplitudes.shape[-1] + 1, dtype=torch.float64)
    sines = torch.sin(2 * math.pi * k * direct_phase(f0_hz, hop, rate)[..., None])
    return (linear(amplitudes.double(), hop) * sines * (k * f0 < rate / 2)).sum(-1)


def wrapped(cycles):
    return (cycles - cycles.round()).abs().max().item()


def vibrato(frames, hz, batch=1):
    wobble = torch.sin(torch.arange(frames) * 0.6 + torch.arange(batch)[:, None])
    return hz * 2 ** (wobble / 24)


def test_phase_is_right_after_an_hour():
    hop, rate = 64, 4000
    frames = 3600 * rate // hop + 1
    f0 = vibrato(frames, 440.0)
    phase = phase_cycles(f0, hop, rate)
    assert wrapped(phase.double() - direct_phase(f0, hop, rate)) < 1e-7
    # 250 Hz at 4 kHz come back every 16 samples: to the very same value.
    assert not phase_cycles(torch.full((1, frames), 250.0), hop, rate)[0, ::16].any()


@given(
    st.integers(1, 3),
    st.integers(2, 7),
    st.integers(1, 300),
    st.sampled_from([8000, 16_000, 44_100, 48_000, 96_000, 192_000]),
    st.integers(0, 2**31),
)
@settings(max_examples=50, deadline=None)
def test_phase_is_the_sum_of_frequencies(batch, frames, hop, rate, seed):
    f0 = torch.rand(batch, frames, generator=torch.Generator().manual_seed(seed)) * rate / 2 + 1
    phase = phase_cycles(f0, hop, rate)
    assert phase.shape == (batch, (frames - 1) * hop)
    assert phase.abs().max() <= 0.5
    assert not phase[:, 0].any()
    assert wrapped(phase.double() - direct_phase(f0, hop, rate)) < 5e-8


@pytest.mark.parametrize("hz", [75.0, 440.0])
def test_bank_of_100_harmonics_matches_float64_for_4_seconds(hz):
    torch.manual_seed(0)
    f0, amplitudes = vibrato(251, hz), torch.rand(1, 251, 100)
    signal = harmonic_bank(f0, amplitudes, 256, RATE)
    reference = direct_bank(f0, amplitudes, 256, RATE)
    level = reference.square().mean().sqrt()
    assert (signal - reference).abs().max() / level * 0.5 < 5e-6


@pytest.mark.parametrize("hz", [0.0, 1e-3, 7999.0, 8000.0, 1e5])
def test_frequencies_at_either_end_are_finite(hz):
    f0 = torch.full((2, 4), hz, requires_grad=True)
    amplitudes = torch.rand(2, 4, 7, requires_grad=True)
    signal = harmonic_bank(f0, amplitudes, 16, RATE)
    signal.sum().backward()
    assert signal.any() == (0.0 < hz < RATE / 2)
    assert all(x.isfinite().all() for x in (signal, f0.grad, amplitudes.grad))


@pytest.mark.parametrize("hz", [70.0, 440.0])
def test_bank_gradients_match_float64(hz):
    torch.manual_seed(1)
    f0 = vibrato(26, hz, batch=2).requires_grad_()
    amplitudes = torch.rand(2, 26, 60, requires_grad=True)
    upstream = torch.randn(2, 25 * 160)
    harmonic_bank(f0, amplitudes, 160, RATE).backward(upstream)
    f0_64 = f0.detach().double().requires_grad_()
    amplitudes_64 = amplitudes.detach().double().requires_grad_()
    direct_bank(f0_64, amplitudes_64, 160, RATE).backward(upstream.double())
    for mine, true in ((f0.grad, f0_64.grad), (amplitudes.grad, amplitudes_64.grad)):
        assert (mine - true).norm() / true.norm() < 1e-5


def test_gradcheck():
    torch.manual_seed(2)
    f0 = (100 + 50 * torch.rand(2, 4, dtype=torch.float64)).requires_grad_()
    amplitudes = torch.rand(2, 4, 3, dtype=torch.float64, requires_grad=True)
    # A frequency is a multiple of 2**-24 Hz inside: the step of the check must be well above.
    assert torch.autograd.gradcheck(
        lambda f, a: harmonic_bank(f, a, 8, RATE), (f0, amplitudes), eps=1e-3, atol=1e-6
    )
    assert torch.autograd.gradcheck(lambda f: phase_cycles(f, 8, RATE), f0, eps=1e-3, atol=1e-6)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.sampled_from([1, 2, 7, 64, 65])),
    st.sampled_from([1, 3, 16, 161]),
    st.floats(30.0, 7000.0),
    st.integers(0, 2**31),
)
@settings(max_examples=40, deadline=None)
def test_bank_of_any_shape(shape, hop, hz, seed):
    torch.manual_seed(seed)
    batch, frames, harmonics = shape
    f0 = hz * (0.5 + torch.rand(batch, frames))
    amplitudes = torch.rand(batch, frames, harmonics, requires_grad=True)
    signal = harmonic_bank(f0, amplitudes, hop, RATE)
    assert signal.shape == (batch, (frames - 1) * hop)
    reference = direct_bank(f0, amplitudes, hop, RATE)
    # A harmonic within rounding of Nyquist may go either way, in one sample.
    assert ((signal - reference).abs() > 1e-4).sum() <= 2
    signal.sum().backward()
    assert amplitudes.grad.isfinite().all()


@pytest.mark.parametrize("hz", [70.0, 300.0])
def test_the_path_for_gpus_is_the_same(monkeypatch, hz):
    """Unlike the CPU's, it makes and masks every harmonic of every block."""
    f0, amplitudes = vibrato(9, hz, batch=2), torch.rand(2, 9, 40)
    here = harmonic_bank(f0, amplitudes, 64, RATE)
    everything = lambda f0, count, nyquist: ([0] * len(f0), [count] * len(f0))  # noqa: E731
    monkeypatch.setattr(harmonics, "_reach", everything)
    torch.testing.assert_close(harmonic_bank(f0, amplitudes, 64, RATE), here, rtol=0, atol=2e-5)


def test_a_tone_has_its_frequency_and_amplitude():
    f0, amplitudes = torch.full((1, 63), 1000.0), torch.tensor([[[0.5, 0.25, 0.0, 0.125]]])
    signal = harmonic_bank(f0, amplitudes.expand(1, 63, 4), 256, RATE)[0, :15_872]
    spectrum = torch.fft.rfft(signal[: 16 * 992]).abs() / (8 * 992)
    peaks = {int(b) * RATE // (16 * 992): round(spectrum[b].item(), 4) for b in [992, 1984, 3968]}
    assert peaks == {1000: 0.5, 2000: 0.25, 4000: 0.125}
    assert signal.square().mean().item() == pytest.approx((0.25 + 0.0625 + 1 / 64) / 2, rel=1e-4)


def test_nothing_sounds_from_nyquist_on():
    """A glide through Nyquist ends at the sample that reaches it, in value and in gradient."""
    f0 = torch.tensor([[7000.0, 9000.0, 9000.0]])
    amplitudes = torch.ones(1, 3, 1, requires_grad=True)
    signal = harmonic_bank(f0, amplitudes, 100, RATE)[0]
    assert signal[40:50].any()
    assert not signal[50:].any()
    (gradient,) = torch.autograd.grad(signal[100:].square().sum(), amplitudes)
    assert not gradient.any()


def test_memory_does_not_grow_with_samples_times_harmonics():
    """Autograd keeps the phase and what came by frames, and nothing else."""
    f0, amplitudes = vibrato(64, 80.0, batch=2), torch.rand(2, 64, 100, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        signal = harmonic_bank(f0, amplitudes, 256, RATE)
    assert sum(x.numel() for x in kept) <= signal.numel() + 2 * amplitudes.numel() + f0.numel()


def test_autocast_changes_nothing():
    f0, amplitudes = vibrato(9, 300.0), torch.rand(1, 9, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = harmonic_bank(f0, amplitudes, 64, RATE)
    torch.testing.assert_close(inside, harmonic_bank(f0, amplitudes, 64, RATE), rtol=0, atol=0)


def test_a_second_derivative_is_refused():
    amplitudes = torch.rand(1, 3, 2, requires_grad=True)
    signal = harmonic_bank(torch.full((1, 3), 100.0), amplitudes, 16, RATE)
    (gradient,) = torch.autograd.grad(signal.square().sum(), amplitudes, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
