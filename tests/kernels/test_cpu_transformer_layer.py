"""The compiled layer of a transformer equals the plain one, in value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import kernels
from ddspcore.compiling import tell_compiler
from ddspcore.dsp import transformer_layer as reference
from ddspcore.dsp.attention import Attention
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import layer as compiled

pytestmark = pytest.mark.skipif(cpu.missing() is not None, reason=str(cpu.missing()))

CAUSAL = Attention(heads=2, span=5, causal=True, rotary=True)


def weights(width, wide):
    def matrix(outputs, inputs):
        return torch.randn(outputs, inputs) / inputs**0.5

    return LayerWeights(
        norm=1 + torch.rand(width),
        norm_bias=torch.randn(width),
        query_key_value=matrix(3 * width, width),
        out=matrix(width, width),
        norm_after=1 + torch.rand(width),
        norm_after_bias=torch.randn(width),
        widen=matrix(wide, width),
        widen_bias=torch.randn(wide),
        narrow=matrix(width, wide),
        narrow_bias=torch.randn(width),
    )


def with_gradients(layer, x, of, attention):
    """Return what a layer makes of frames, and what an uneven sum of it says of them and of it."""
    leaves = [each.detach().requires_grad_() for each in (x, *of)]
    made = layer(leaves[0], LayerWeights(*leaves[1:]), attention)
    push = torch.linspace(-1.0, 2.0, made.numel(), dtype=made.dtype).view_as(made)
    return [made.detach(), *torch.autograd.grad(made, leaves, push)]


def refuse(*_):
    raise AssertionError("the reference was called")


@given(
    seed=st.integers(0, 99),
    clips=st.integers(1, 4),
    frames=st.sampled_from([1, 2, 15, 16, 17, 31, 33, 64, 90]),
    heads=st.integers(1, 3),
    channels=st.sampled_from([16, 32]),
    wide=st.sampled_from([16, 48, 128]),
    span=st.sampled_from([1, 3, 16, 32, 200]),
    causal=st.booleans(),
    rotary=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_equals_the_reference_in_double(
    seed, clips, frames, heads, channels, wide, span, causal, rotary
):
    torch.manual_seed(seed)
    width, attention = heads * channels, Attention(heads, span, causal, rotary)
    x, of = torch.randn(clips, frames, width), weights(width, wide)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled.reference, "transformer_layer", refuse)
        ours = with_gradients(cpu.transformer_layer, x, of, attention)
    exact = LayerWeights(*(each.double() for each in of))
    true = with_gradients(reference.transformer_layer, x.double(), exact, attention)
    for mine, wanted in zip(ours, true, strict=True):
        assert (mine - wanted).norm() <= 1e-5 * wanted.norm()


def test_with_a_gradient_or_without_the_result_is_one():
    torch.manual_seed(0)
    x, of = torch.randn(2, 40, 32), weights(32, 64)
    with torch.no_grad():
        alone = cpu.transformer_layer(x, of, CAUSAL)
    assert torch.equal(with_gradients(cpu.transformer_layer, x, of, CAUSAL)[0], alone)


def test_threads_change_no_bit(monkeypatch):
    torch.manual_seed(0)
    x, of = torch.randn(3, 200, 32), weights(32, 64)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(with_gradients(cpu.transformer_layer, x, of, CAUSAL))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_memory_may_lie_in_any_order():
    torch.manual_seed(0)
    x, of = torch.randn(40, 2, 32).transpose(0, 1), weights(32, 64)
    turned = LayerWeights(*(each.mT.contiguous().mT if each.dim() > 1 else each for each in of))
    ours = with_gradients(cpu.transformer_layer, x, turned, CAUSAL)
    wanted = with_gradients(cpu.transformer_layer, x.contiguous(), of, CAUSAL)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)


def test_what_is_no_number_stays_none_where_it_is_heard():
    torch.manual_seed(0)
    x = torch.randn(2, 40, 32)
    x[0, 20] = torch.nan
    made = cpu.transformer_layer(x, weights(32, 64), CAUSAL)
    assert made[0, 20:26].isnan().all()
    assert made[0, -1].isfinite().all()
    assert made[1].isfinite().all()
    assert (
        cpu.transformer_layer(1e6 * torch.randn(1, 9, 32), weights(32, 64), CAUSAL).isfinite().all()
    )


@pytest.mark.parametrize(("width", "wide", "heads"), [(24, 64, 2), (32, 40, 2), (32, 64, 4)])
def test_other_shapes_are_the_reference_s(width, wide, heads, monkeypatch):
    torch.manual_seed(0)
    attention = Attention(heads, 5, causal=True, rotary=False)
    x, of = torch.randn(2, 9, width), weights(width, wide)
    monkeypatch.setattr(compiled, "library", refuse)
    ours = cpu.transformer_layer(x, of, attention)
    assert torch.equal(ours, reference.transformer_layer(x, of, attention))


def test_half_precision_is_the_reference_s(monkeypatch):
    torch.manual_seed(0)
    x, of = torch.randn(2, 9, 32), weights(32, 64)
    monkeypatch.setenv("DDSP_KERNELS", "native")
    monkeypatch.setattr(compiled, "library", refuse)
    with torch.autocast("cpu", torch.bfloat16):
        ours = kernels.transformer_layer(x, of, CAUSAL)
        assert torch.equal(ours, reference.transformer_layer(x, of, CAUSAL))


def test_the_dispatch_takes_it_for_single_precision_alone(monkeypatch):
    torch.manual_seed(0)
    x, of = torch.randn(2, 9, 32), weights(32, 64)
    asked = []
    monkeypatch.setattr(cpu, "transformer_layer", lambda *given: asked.append(given[0].dtype))
    monkeypatch.setenv("DDSP_KERNELS", "native")
    kernels.transformer_layer(x, of, CAUSAL)
    kernels.transformer_layer(x.double(), LayerWeights(*(each.double() for each in of)), CAUSAL)
    monkeypatch.setenv("DDSP_KERNELS", "reference")
    kernels.transformer_layer(x, of, CAUSAL)
    assert asked == [torch.float32]


def test_a_compiler_takes_the_reference_apart(monkeypatch):
    torch.manual_seed(0)
    x, of = torch.randn(2, 9, 32), weights(32, 64)
    monkeypatch.setattr(compiled, "library", refuse)
    torch.compiler.reset()
    tell_compiler()
    through = torch.compile(
        lambda x: kernels.transformer_layer(x, of, CAUSAL), backend="eager", fullgraph=True
    )
    torch.testing.assert_close(through(x), reference.transformer_layer(x, of, CAUSAL))
    torch.compiler.reset()
