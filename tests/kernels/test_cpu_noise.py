import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import kernels
from ddspcore.dsp import filters
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import library

pytestmark = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))


def answers(filtered, white, magnitudes, hop, upstream):
    """Return the signal and the gradient of the magnitudes."""
    magnitudes = magnitudes.detach().requires_grad_()
    signal = filtered(white, magnitudes, hop)
    return signal.detach(), *torch.autograd.grad(signal, magnitudes, upstream)


def assert_equals_reference(white, magnitudes, hop):
    upstream = torch.randn(white.shape, generator=torch.Generator().manual_seed(5))
    mine = answers(cpu.filtered_noise, white, magnitudes, hop, upstream)
    doubles = [x.double() for x in (white, magnitudes)]
    true = answers(filters.filtered_noise, *doubles, hop, upstream.double())
    for a, b in zip(mine, true, strict=True):
        assert (a - b).norm() <= 2e-6 * b.norm() + 1e-7


@given(
    st.tuples(st.integers(1, 3), st.integers(2, 6)),
    st.integers(2, 200),
    st.integers(1, 300),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_equals_the_reference(shape, bands, hop, seed):
    torch.manual_seed(seed)
    clips, frames = shape
    white = 2 * torch.rand(clips, (frames - 1) * hop) - 1
    assert_equals_reference(white, torch.rand(clips, frames, bands), hop)


@pytest.mark.parametrize(
    ("frames", "hop", "bands"),
    [(400, 7, 65), (90, 64, 2), (600, 250, 65), (900, 1, 3), (200, 33, 513)],
)
def test_many_frames(frames, hop, bands):
    """Enough work for several threads, which share the samples where their parts meet."""
    torch.manual_seed(0)
    white = 2 * torch.rand(2, (frames - 1) * hop) - 1
    assert_equals_reference(white, torch.rand(2, frames, bands), hop)


def test_an_impulse_rings_as_the_filter_of_its_frame():
    white = torch.zeros(1, 512)
    white[0, 256] = 1.0
    magnitudes = torch.zeros(1, 3, 33)
    magnitudes[0, 1] = torch.rand(33)
    ring = cpu.filtered_noise(white, magnitudes, 256)[0]
    taps = torch.fft.irfft(magnitudes[0, 1])
    shape = 0.5 + 0.5 * torch.cos(torch.pi * torch.arange(32) / 32)
    torch.testing.assert_close(ring[256 : 256 + 32], taps[:32] * shape, rtol=0, atol=1e-6)
    torch.testing.assert_close(ring[256 - 31 : 257].flip(0), taps[:32] * shape, rtol=0, atol=1e-6)
    assert ring[: 256 - 31].abs().max() < 1e-7
    assert ring[256 + 32 :].abs().max() < 1e-7


def test_strided_inputs():
    torch.manual_seed(1)
    white = (2 * torch.rand(512, 2) - 1).T
    magnitudes = torch.rand(17, 9, 2).permute(2, 1, 0)
    assert_equals_reference(white, magnitudes, 64)
    assert_equals_reference(white, magnitudes[:1].expand(2, 9, 17), 64)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(dtype):
    white, magnitudes = torch.rand(1, 256).to(dtype), torch.rand(1, 5, 17).to(dtype)
    signal = kernels.filtered_noise(white, magnitudes, 64)
    true = filters.filtered_noise(white.float(), magnitudes.float(), 64)
    assert signal.dtype == torch.float32
    torch.testing.assert_close(signal, true, rtol=0, atol=1e-5)


def test_threads_change_no_bit(monkeypatch):
    torch.manual_seed(2)
    white, magnitudes = 2 * torch.rand(2, 599 * 160) - 1, torch.rand(2, 600, 65)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(answers(cpu.filtered_noise, white, magnitudes, 160, torch.ones_like(white)))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_what_is_filtered_may_be_learnt():
    white, magnitudes = torch.rand(1, 64, requires_grad=True), torch.rand(1, 2, 9)
    mine = torch.autograd.grad(cpu.filtered_noise(white, magnitudes, 64).square().sum(), white)
    true = torch.autograd.grad(filters.filtered_noise(white, magnitudes, 64).square().sum(), white)
    torch.testing.assert_close(mine, true)


def test_it_cannot_be_differentiated_twice():
    magnitudes = torch.rand(1, 3, 9, requires_grad=True)
    made = cpu.filtered_noise(torch.rand(1, 128), magnitudes, 64).square().sum()
    (grad,) = torch.autograd.grad(made, magnitudes, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
