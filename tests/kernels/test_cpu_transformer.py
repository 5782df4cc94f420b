"""The compiled transformer hears what the plain one hears, whatever its shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import transformer
from ddspcore.kernels import cpu, transformer_frames

pytestmark = pytest.mark.skipif(cpu.missing() is not None, reason=str(cpu.missing()))


def weights(heads, channels, wide, span, layers):
    width, double = heads * channels, torch.float64

    def pair(inputs, outputs):
        matrix = torch.randn(inputs, outputs, dtype=double) / inputs**0.5
        return torch.randn(outputs, dtype=double), matrix

    def norm():
        return 1 + torch.rand(width, dtype=double), torch.randn(width, dtype=double)

    angles = torch.arange(span + 1)[:, None] * torch.rand(channels // 2, dtype=double)
    each = [
        transformer.LayerWeights(
            norm=norm(),
            query_key_value=pair(width, 3 * width)[1],
            out=pair(width, width)[1],
            norm_after=norm(),
            widen=pair(width, wide),
            narrow=pair(wide, width),
        )
        for _ in range(layers)
    ]
    return transformer.Weights(heads, angles.cos(), angles.sin(), tuple(each), norm())


def single(of):
    """Return the weights in single precision."""
    if isinstance(of, torch.Tensor):
        return of.float()
    if isinstance(of, tuple):
        return tuple(map(single, of))
    names = [each.name for each in type(of).__attrs_attrs__]
    values = [getattr(of, name) for name in names]
    return type(of)(*(value if isinstance(value, int) else single(value) for value in values))


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
    torch.testing.assert_close(heard.double(), true, rtol=1e-5, atol=1e-5)


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
