"""Noise through moving filters in Triton equals the reference in value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import filters

pytest.importorskip("triton", reason="Triton is not installed")

from ddspcore.kernels.cuda import noise

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def draw(items, count, bands, hop):
    numbers = torch.Generator().manual_seed(0)
    white = 2.0 * torch.rand(items, (count - 1) * hop, generator=numbers) - 1.0
    return white.to(DEVICE), torch.rand(items, count, bands, generator=numbers).to(DEVICE)


def answers(function, white, magnitudes, hop):
    white, magnitudes = white.detach().requires_grad_(), magnitudes.detach().requires_grad_()
    signal = function(white, magnitudes, hop)
    upstream = torch.cos(torch.arange(signal.numel(), device=DEVICE) * 0.7).view_as(signal)
    return signal.detach(), *torch.autograd.grad(signal, (white, magnitudes), upstream)


def assert_alike(white, magnitudes, hop):
    ours = answers(noise.filtered_noise, white, magnitudes, hop)
    theirs = answers(filters.filtered_noise, white, magnitudes, hop)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=3e-6)


@settings(max_examples=12)
@given(
    items=st.integers(1, 2),
    count=st.integers(2, 6),
    bands=st.integers(2, 40),
    hop=st.integers(1, 90),
)
def test_any_size_equals_the_reference(items, count, bands, hop):
    """Filters shorter and longer than a hop."""
    assert_alike(*draw(items, count, bands, hop), hop)


def test_the_usual_size_equals_the_reference():
    assert_alike(*draw(1, 5, 65, 256), 256)


def test_an_open_filter_passes_everything():
    white, magnitudes = draw(2, 4, 9, 32)
    passed = noise.filtered_noise(white, torch.ones_like(magnitudes), 32)
    torch.testing.assert_close(passed, white, rtol=0, atol=1e-6)


def test_memory_may_be_laid_out_in_any_way():
    white, magnitudes = draw(2, 4, 9, 32)
    here = answers(noise.filtered_noise, white, magnitudes, 32)
    strange = white.T.contiguous().T, magnitudes.mT.contiguous().mT
    there = answers(noise.filtered_noise, *strange, 32)
    for a, b in zip(here, there, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_noise_needs_no_gradient_and_a_second_derivative_is_refused():
    white, magnitudes = draw(1, 3, 5, 16)
    magnitudes.requires_grad_()
    signal = noise.filtered_noise(white, magnitudes, 16)
    assert signal.grad_fn.saved_tensors[1] is None
    (of_magnitudes,) = torch.autograd.grad(signal.square().sum(), magnitudes, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        of_magnitudes.sum().backward()
