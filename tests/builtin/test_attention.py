import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.builtin.attention import LocalAttention, neighbourhood, rotary_turns

HEADS, WIDTH = 2, 16


def build(span, causal, rotary=True):
    torch.manual_seed(0)
    return LocalAttention(WIDTH, HEADS, span, causal, rotary).double()


def attend(attention, x):
    near = neighbourhood(*x.shape[:2], attention.span, attention.causal, x.device)
    return attention(x, near)


def dense(attention, x):
    """The same attention with every pair of frames in one matrix and absolute positions."""
    frames = x.shape[1]
    query, key, value = (
        part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for part in attention.query_key_value(x).chunk(3, dim=-1)
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
    return attention.out((F.softmax(scores, -1) @ value).transpose(1, 2).flatten(2))


@given(st.integers(1, 3), st.integers(1, 50), st.integers(1, 12), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_blocks_equal_a_dense_mask(batch, frames, span, causal, rotary):
    attention = build(span, causal, rotary)
    x = torch.randn(batch, frames, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(attend(attention, x), dense(attention, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_a_frame_sees_its_span_and_nothing_else(causal):
    attention = build(8, causal)
    x = torch.randn(1, 40, WIDTH, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(attend(attention, x)[0, 21].sum(), x)
    seen = gradient[0].abs().sum(-1).nonzero()[:, 0].tolist()
    assert seen == list(range(13, 22 if causal else 30))


@pytest.mark.parametrize("causal", [True, False])
def test_a_long_file_sounds_like_its_parts(causal):
    """What is trained on 65 frames plays thousands: far from the ends, only the context counts."""
    attention = build(8, causal)
    x = torch.randn(1, 4000, WIDTH, dtype=torch.float64)
    long, part = attend(attention, x), attend(attention, x[:, 3000:3065])
    torch.testing.assert_close(long[:, 3008:3057], part[:, 8:57], rtol=0, atol=1e-12)


def test_memory_grows_with_the_length_alone():
    attention = build(8, causal=True)

    def kept(frames):
        sizes = []
        x = torch.randn(1, frames, WIDTH, dtype=torch.float64)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: sizes.append(t.numel()) or t, lambda t: t
        ):
            attend(attention, x)
        return sum(sizes)

    assert kept(8000) < 8.5 * kept(1000)
