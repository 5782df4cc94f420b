import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.compiling import tell_compiler
from ddspcore.dsp.attention import Attention, attend, rotary_turns

HEADS, WIDTH = 2, 16


class Attending(torch.nn.Module):
    """Attention with the maps before and after it."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        self.query_key_value = torch.nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = torch.nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x):
        return self.out(attend(self.query_key_value(x), self.attention))


def build(span, causal, rotary=True):
    torch.manual_seed(0)
    return Attending(Attention(HEADS, span, causal, rotary)).double()


def dense(attending, x):
    """The same attention with every pair of frames in one matrix and absolute positions."""
    frames, attention = x.shape[1], attending.attention
    query, key, value = (
        part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for part in attending.query_key_value(x).chunk(3, dim=-1)
    )
    if attention.rotary:
        cos, sin = rotary_turns(frames, WIDTH // HEADS)
        query, key = (
            torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
            for a, b in (part.chunk(2, dim=-1) for part in (query, key))
        )
    n = torch.arange(frames)
    ahead = n[None] - n[:, None]
    near = (ahead >= -attention.span) & (ahead <= (0 if attention.causal else attention.span))
    scores = (query @ key.mT / (WIDTH // HEADS) ** 0.5).masked_fill(~near, -torch.inf)
    return attending.out((F.softmax(scores, -1) @ value).transpose(1, 2).flatten(2))


def gradient_of(run, attention, x):
    """Return what an uneven sum of the result says of the input and of the weights."""
    x = x.detach().requires_grad_()
    out = run(attention, x)
    push = torch.linspace(-1.0, 2.0, out.numel(), dtype=out.dtype).view_as(out)
    return torch.autograd.grad(out, [x, *attention.parameters()], push)


@given(st.integers(1, 3), st.integers(1, 50), st.integers(1, 12), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_blocks_equal_a_dense_mask(batch, frames, span, causal, rotary):
    attention = build(span, causal, rotary)
    x = torch.randn(batch, frames, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(attention(x), dense(attention, x), rtol=0, atol=1e-12)
    ours, wanted = (gradient_of(run, attention, x) for run in (Attending.__call__, dense))
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("causal", [True, False])
def test_with_a_gradient_or_without_the_result_is_one(causal):
    attention = build(8, causal).float()
    x = torch.randn(2, 40, WIDTH)
    with torch.no_grad():
        alone = attention(x)
    torch.testing.assert_close(attention(x), alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("causal", "rotary"), [(True, True), (False, True), (True, False)])
def test_the_gradient_is_that_of_the_result(causal, rotary):
    torch.manual_seed(0)
    x = torch.randn(2, 7, 3 * 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: attend(x, Attention(1, 3, causal, rotary)), x)


@pytest.mark.parametrize("causal", [True, False])
def test_a_compiler_sees_one_graph_of_the_same(causal):
    attention = build(8, causal)
    torch.compiler.reset()
    tell_compiler()
    compiled = torch.compile(attention, backend=lambda graph, _: graph.forward, fullgraph=True)
    x = torch.randn(2, 20, WIDTH, dtype=torch.float64)
    ours = gradient_of(lambda _, x: compiled(x), attention, x)
    torch.testing.assert_close(ours, gradient_of(Attending.__call__, attention, x))
    torch.compiler.reset()


def test_in_bfloat16_only_the_maps_are_rough():
    attention = build(8, causal=True).float()
    x = torch.randn(2, 20, WIDTH)

    def rough(attention, x):
        with torch.autocast("cpu", torch.bfloat16):
            return attention(x)

    exact = gradient_of(Attending.__call__, attention, x)
    for ours, wanted in zip(gradient_of(rough, attention, x), exact, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - wanted).norm() < 0.02 * wanted.norm()


def test_an_hour_in_positions_are_as_exact_as_at_the_start():
    cos, sin = (t.float() for t in rotary_turns(225_000, 16))
    first, last = (cos[at] * cos[at + 31] + sin[at] * sin[at + 31] for at in (0, -32))
    torch.testing.assert_close(first, last, rtol=0, atol=3e-7)


@pytest.mark.parametrize("causal", [True, False])
def test_a_frame_sees_its_span_and_nothing_else(causal):
    attention = build(8, causal)
    x = torch.randn(1, 40, WIDTH, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(attention(x)[0, 21].sum(), x)
    seen = gradient[0].abs().sum(-1).nonzero()[:, 0].tolist()
    assert seen == list(range(13, 22 if causal else 30))


@pytest.mark.parametrize("causal", [True, False])
def test_a_long_file_sounds_like_its_parts(causal):
    """What is trained on 65 frames plays thousands: far from the ends, only the context counts."""
    attention = build(8, causal)
    x = torch.randn(1, 4000, WIDTH, dtype=torch.float64)
    long, part = attention(x), attention(x[:, 3000:3065])
    torch.testing.assert_close(long[:, 3008:3057], part[:, 8:57], rtol=0, atol=1e-11)


def test_memory_grows_with_the_length_alone():
    attention = build(8, causal=True)

    def kept(frames):
        sizes = []
        x = torch.randn(1, frames, WIDTH, dtype=torch.float64)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: sizes.append(t.numel()) or t, lambda t: t
        ):
            attention(x)
        return sum(sizes)

    assert kept(8000) < 8.5 * kept(1000)
