import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import kernels
from ddspcore.dsp import oscillators
from ddspcore.dsp.upsampling import linear
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import library

pytestmark = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))
RATE = 16_000


def vibrato(frames, hz, batch=1):
    wobble = torch.sin(torch.arange(frames) * 0.6 + torch.arange(batch)[:, None])
    return hz * 2 ** (wobble / 24)


def answers(bank, f0_hz, amplitudes, hop, start, upstream):
    """Return the signal and both gradients."""
    f0_hz, amplitudes = f0_hz.detach().requires_grad_(), amplitudes.detach().requires_grad_()
    signal = bank(f0_hz, amplitudes, hop, RATE, start)
    signal.backward(upstream)
    return signal.detach(), f0_hz.grad, amplitudes.grad


def assert_equals_reference(f0_hz, amplitudes, hop, start=None):
    shape = len(f0_hz), (f0_hz.shape[1] - 1) * hop
    upstream = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    mine = answers(cpu.harmonic_bank, f0_hz, amplitudes, hop, start, upstream)
    true = answers(oscillators.harmonic_bank, f0_hz, amplitudes, hop, start, upstream)
    # Much of a gradient cancels: in f0, the reference itself is good to 1e-5 of its norm.
    for a, b, tolerance in zip(mine, true, (5e-6, 2e-4, 1e-5), strict=True):
        assert (a - b).norm() <= tolerance * b.norm() + 3e-7 * upstream.norm()


@given(
    st.tuples(st.integers(1, 3), st.integers(2, 6), st.integers(1, 130)),
    st.integers(1, 300),
    st.floats(1.0, 12_000.0),
    st.floats(0.0, 2.0),
    st.booleans(),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_equals_the_reference(shape, hop, hz, octaves, streamed, seed):
    """From 1 Hz, through glides across Nyquist, to where nothing sounds."""
    torch.manual_seed(seed)
    f0_hz = hz * 2 ** (octaves * (2 * torch.rand(shape[:2]) - 1))
    start = torch.randint(0, 2 * RATE << 24, shape[:1]) if streamed else None
    assert_equals_reference(f0_hz, torch.rand(shape), hop, start)


@pytest.mark.parametrize(
    "f0_hz",
    [
        pytest.param([30.0] * 5, id="unvoiced"),
        pytest.param([1.0, 1.0, 1.5], id="lowest"),
        pytest.param([0.01, 0.25, 0.5], id="below half a hertz"),
        pytest.param([100.0, 9000.0, 100.0], id="glides through Nyquist"),
        pytest.param([9000.0, 20_000.0, 8000.0], id="silent"),
        pytest.param([8000.0, 4000.0, 2000.0], id="harmonics at Nyquist"),
    ],
)
def test_extreme_frequencies(f0_hz):
    f0_hz = torch.tensor([f0_hz])
    assert_equals_reference(f0_hz, torch.rand(*f0_hz.shape, 40), 161)


def test_every_number_of_harmonics():
    for harmonics in [*range(1, 34), 511, 512]:
        assert_equals_reference(vibrato(3, 14.0), torch.rand(1, 3, harmonics), 40)


def test_a_harmonic_ends_at_the_sample_where_the_reference_ends_it():
    """The mask compares float32 products of interpolated frequencies: bit for bit the same ones."""
    torch.manual_seed(0)
    f0_hz = RATE / 2 / torch.randint(1, 60, (64, 9)) * (1 + 1e-6 * torch.randn(64, 9))
    for k in (1, 7, 40, 59):
        alone = torch.zeros(64, 9, 60)
        alone[..., k - 1] = 1.0
        mine = cpu.harmonic_bank(f0_hz, alone, 77, RATE)
        true = oscillators.harmonic_bank(f0_hz, alone, 77, RATE)
        # A sample is exactly 0 where it is masked, and almost nowhere else.
        assert ((mine == 0) != (true == 0)).sum() <= 64
        torch.testing.assert_close(mine, true, rtol=0, atol=3e-6)


def test_silence():
    assert_equals_reference(vibrato(4, 200.0), torch.zeros(1, 4, 12), 64)


def test_strided_inputs():
    torch.manual_seed(1)
    amplitudes = torch.rand(20, 9, 2).permute(2, 1, 0)
    f0_hz = vibrato(18, 300.0, batch=2)[:, ::2]
    assert not amplitudes.is_contiguous()
    assert_equals_reference(f0_hz, amplitudes, 64)
    assert_equals_reference(f0_hz[:1].expand(2, 9), amplitudes[:, :1].expand(2, 9, 20), 64)
    every_other = torch.randn(2, 1024)[:, ::2]
    of_strided = answers(cpu.harmonic_bank, f0_hz, amplitudes, 64, None, every_other)
    of_contiguous = answers(cpu.harmonic_bank, f0_hz, amplitudes, 64, None, every_other.clone())
    assert all(map(torch.equal, of_strided, of_contiguous))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(dtype):
    f0_hz, amplitudes = vibrato(5, 300.0).to(dtype), torch.rand(1, 5, 20).to(dtype)
    signal = kernels.harmonic_bank(f0_hz, amplitudes, 64, RATE)
    true = oscillators.harmonic_bank(f0_hz.float(), amplitudes.float(), 64, RATE)
    assert signal.dtype == torch.float32
    torch.testing.assert_close(signal, true, rtol=0, atol=1e-5)


def test_threads_change_no_bit(monkeypatch):
    torch.manual_seed(2)
    f0_hz, amplitudes = vibrato(150, 90.0, batch=3), torch.rand(3, 150, 100)
    upstream = torch.randn(3, 149 * 256)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(answers(cpu.harmonic_bank, f0_hz, amplitudes, 256, None, upstream))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_blocks_join_without_a_seam():
    """Started with the phase after a block, the next one goes on as if nothing had been cut."""
    torch.manual_seed(3)
    f0_hz, amplitudes = vibrato(9, 440.0, batch=2), torch.rand(2, 9, 16)
    whole = cpu.harmonic_bank(f0_hz, amplitudes, 48, RATE)
    start = oscillators.phase_after(f0_hz[:, :5], 48, RATE)
    rest = cpu.harmonic_bank(f0_hz[:, 4:], amplitudes[:, 4:], 48, RATE, start)
    torch.testing.assert_close(rest, whole[:, 4 * 48 :], rtol=0, atol=2e-6)


def test_an_hour():
    hop, rate = 64, 4000
    f0_hz = vibrato(3600 * rate // hop + 1, 440.0)
    sine = cpu.harmonic_bank(f0_hz, torch.ones(*f0_hz.shape, 1), hop, rate)
    phase = oscillators.integer_phase(f0_hz, hop, rate).flatten(1)
    true = torch.sin(2 * math.pi * 2.0**-32 * phase[:, -hop:].double())
    assert (sine[:, -hop:] - true).abs().max() < 3e-7


def test_100_harmonics_match_float64_for_4_seconds():
    torch.manual_seed(4)
    f0_hz, amplitudes = vibrato(251, 440.0), torch.rand(1, 251, 100)
    signal = cpu.harmonic_bank(f0_hz, amplitudes, 256, RATE)
    phase = oscillators.integer_phase(f0_hz, 256, RATE).flatten(1).double() * 2.0**-32
    k = torch.arange(1, 101)
    sounds = k * linear(f0_hz[..., None], 256) < RATE / 2
    sines = torch.sin(2 * math.pi * k * phase[..., None]) * sounds
    true = (sines * linear(amplitudes.double(), 256)).sum(-1)
    assert (signal - true).abs().max() / true.square().mean().sqrt() * 0.5 < 5e-6


def test_nothing_is_kept_for_a_gradient_that_nobody_wants():
    f0_hz, amplitudes = vibrato(5, 100.0), torch.rand(1, 5, 8, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        signal = cpu.harmonic_bank(f0_hz, amplitudes, 64, RATE)
    signal.sum().backward()
    assert sum(x.numel() for x in kept) == f0_hz.numel()
    with torch.inference_mode():
        assert torch.equal(cpu.harmonic_bank(f0_hz, amplitudes, 64, RATE), signal)


def test_a_frequency_that_is_no_number_spoils_its_own_hops():
    f0_hz, amplitudes = vibrato(6, 100.0), torch.rand(1, 6, 8)
    f0_hz[0, 5] = float("nan")
    signal = cpu.harmonic_bank(f0_hz, amplitudes, 16, RATE)
    assert signal.isfinite().all()
    assert not signal[0, 64:].any()
    before = cpu.harmonic_bank(f0_hz[:, :5], amplitudes[:, :5], 16, RATE)
    assert torch.equal(signal[:, :64], before)


def test_what_does_not_fit_together_is_refused_as_the_reference_refuses_it():
    f0_hz, amplitudes = vibrato(4, 100.0), torch.rand(1, 4, 8)
    for odd in (amplitudes.double(), amplitudes[:, :3]):
        with pytest.raises(RuntimeError):
            cpu.harmonic_bank(f0_hz, odd, 16, RATE)
