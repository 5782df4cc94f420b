"""The compiled transformer hears what the plain one hears, whatever its shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import transformer
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.kernels import cpu, transformer_frames

pytestmark = pytest.mark.skipif(cpu.missing() is not None, reason=str(cpu.missing()))


def weights(heads, channels, wide, span, layers):
    width, double = heads * channels, torch.float64

    def numbers(*sizes):
        return torch.randn(*sizes, dtype=double)

    def ones(size):
        return 1 + torch.rand(size, dtype=double)

    def matrix(outputs, inputs):
        return numbers(outputs, inputs) / inputs**0.5

    angles = torch.arange(span + 1)[:, None] * torch.rand(channels // 2, dtype=double)
    each = [
        LayerWeights(
            norm=ones(width),
            norm_bias=numbers(width),
            query_key_value=matrix(3 * width, width),
            out=matrix(width, width),
            norm_after=ones(width),
            norm_after_bias=numbers(width),
            widen=matrix(wide, width),
            widen_bias=numbers(wide),
            narrow=matrix(width, wide),
            narrow_bias=numbers(width),
        )
        for _ in range(layers)
    ]
    norm = ones(width), numbers(width)
    return transformer.Weights(heads, angles.cos(), angles.sin(), tuple(each), norm)


def single(of):
    """Return the weights in single precision."""
    layers = tuple(LayerWeights(*(x.float() for x in layer)) for layer in of.layers)
    norm = tuple(x.float() for x in of.norm)
    return transformer.Weights(of.heads, of.cosines.float(), of.sines.float(), layers, norm)


def said(frames, x, sizes):
    pieces = x.split([size for size in sizes if size], dim=1)
    return torch.cat([frames.hear(piece) for piece in pieces], dim=1)


@given(
    seed=st.integers(0, 99),
    batch=st.integers(1, 3),
    heads=st.integers(1, 4),
    channels=st.sampled_from([2, 4, 6, 16, 34]),
    wide=st.sampled_from([1, 16, 50, 128]),
    span=st.sampled_from([1, 3, 15, 16, 32]),
    layers=st.integers(1, 2),
    first=st.integers(0, 40),
)
@settings(max_examples=40)
def test_equals_the_reference_in_double(seed, batch, heads, channels, wide, span, layers, first):
    torch.manual_seed(seed)
    exact = weights(heads, channels, wide, span, layers)
    x, sizes = torch.randn(batch, 41, heads * channels), (first, 1, 40 - first)
    true = said(transformer.transformer_frames(exact, batch), x.double(), sizes)
    heard = said(cpu.transformer_frames(single(exact), batch), x, sizes)
    # Where a frame's few channels are nearly equal, a norm magnifies what they were rounded by.
    assert (heard - true).norm() <= 1e-5 * true.norm()


def test_the_dispatch_takes_it_for_single_precision_alone(monkeypatch):
    exact = weights(2, 4, 16, 3, 1)
    monkeypatch.setenv("DDSP_KERNELS", "native")
    assert (
        type(transformer_frames(single(exact), 1)).__module__ == "ddspcore.kernels.cpu.transformer"
    )
    assert type(transformer_frames(exact, 1)).__module__ == "ddspcore.dsp.transformer"
    monkeypatch.setenv("DDSP_KERNELS", "reference")
    assert type(transformer_frames(single(exact), 1)).__module__ == "ddspcore.dsp.transformer"


def test_large_and_missing_numbers_stay_what_they_are():
    torch.manual_seed(0)
    frames = cpu.transformer_frames(single(weights(2, 8, 32, 5, 1)), 1)
    assert frames.hear(1e6 * torch.randn(1, 3, 16)).isfinite().all()
    assert frames.hear(torch.full((1, 1, 16), torch.nan)).isnan().all()
