"""Attention among near frames, in memory that grows with the length and not with its square."""

import functools
import math
from typing import Any

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.compiling import constant
from ddspcore.dsp.precision import full_precision

KEPT_FRAMES = 1 << 14
"""Of more, as in a long file, what they attend to is not kept: it takes 400 bytes a frame."""

Turns = tuple[Tensor, Tensor]


@frozen
class Neighbourhood:
    """What each of so many frames attends to; not to be written to.

    `scores` is added to theirs: 0 for what a frame attends to, minus infinity for the rest. A frame
    past the end attends to one too: a softmax over nothing is not a number. By `turns`, cosines and
    sines, pairs of channels are turned; None where positions are not told.

    Shape: scores [blocks,span,keys], with 2 * span keys if causal and 3 * span otherwise; turns
    [N,channels].
    """

    scores: Tensor
    turns: Turns | None


@frozen
class Attention:
    """How a frame attends to those at most `span` frames away; causal: to none later.

    Positions, where they are told, are rotary: what a frame gets depends on its neighbourhood
    alone, so an hour sounds like a second.

    Source: Su et al., RoFormer (2021), section 3.2 (rotary positions).
    """

    heads: int
    span: int
    causal: bool
    rotary: bool


@full_precision
def attend(x: Tensor, attention: Attention) -> Tensor:
    """Return what frames hear of those near them; differentiable once.

    Shape: x [B,N,3*width], queries, keys and values, each head by head -> [B,N,width].
    """
    _, frames, width = x.shape
    heads = attention.heads
    channels = width // (3 * heads) if attention.rotary else 0
    near = neighbourhood(frames, attention.span, attention.causal, channels, x.dtype, x.device)
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        heard: Tensor = _Attend.apply(x, heads, near)
        return heard
    query, key, value = (part.unflatten(0, (-1, len(near.scores))) for part in _cut(x, heads, near))
    heard = F.scaled_dot_product_attention(query, key, value, attn_mask=near.scores, scale=1.0)
    return _joined(heard, x.shape)


class _Attend(torch.autograd.Function):
    """What `attend` does, with a gradient written out: autograd's moves more numbers."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, heads: int, near: Neighbourhood) -> Tensor:
        query, key, value = _cut(x, heads, near)
        scores = torch.bmm(query, key.mT)
        scores.view(-1, *near.scores.shape).add_(near.scores)
        shares = torch.softmax(scores, -1)
        ctx.save_for_backward(query, key, value, shares)
        ctx.heads, ctx.near, ctx.shape = heads, near, x.shape
        return _joined(torch.bmm(shares, value), x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, shares = ctx.saved_tensors
        heads, near, (batch, frames, _) = ctx.heads, ctx.near, ctx.shape
        groups, span, channels = query.shape
        pushed = grad.new_zeros(batch, heads, len(near.scores) * span, channels)
        pushed[:, :, :frames] = grad.reshape(batch, frames, heads, channels).transpose(1, 2)
        pushed = pushed.view(query.shape)
        slopes = torch.bmm(pushed, value.mT)
        slopes = torch._softmax_backward_data(slopes, shares, -1, shares.dtype)
        parts = grad.new_empty(3, groups, span, channels)
        torch.bmm(slopes, key, out=parts[0]).mul_(channels**-0.5)
        heard = grad.new_empty(2, groups, key.shape[1], channels)
        torch.bmm(slopes.mT, query, out=heard[0])
        torch.bmm(shares.mT, pushed, out=heard[1])
        # Keys and values are heard by their own block's queries and by those of its neighbours.
        before, own, *after = heard.split(span, 2)
        keys_values = parts[1:].copy_(own)
        keys_values[:, :-1].add_(before[:, 1:])
        for each in after:
            keys_values[:, 1:].add_(each[:, :-1])
        parts = parts.view(3, batch, heads, -1, channels)[:, :, :, :frames]
        back = grad.new_empty(batch, frames, 3, heads, channels)
        _turn(parts, near.turns, out=back.permute(2, 0, 3, 1, 4), way=-1)
        return back.view(ctx.shape), None, None


def _cut(x: Tensor, heads: int, near: Neighbourhood) -> tuple[Tensor, Tensor, Tensor]:
    """Return blocks of turned queries, and of keys and values with the blocks around them.

    All lie in one piece of memory: what is before a head's first block, or after its last, has
    nothing to do with it, and nothing attends to it.

    Shape: [B,N,3*width] -> [G,span,channels] and twice [G,keys,channels], G = B * heads * blocks.
    """
    batch, frames, width = x.shape
    blocks, span, keys = near.scores.shape
    channels, groups = width // (3 * heads), batch * heads * blocks
    room = x.new_zeros(3 * groups * span + keys - 2 * span, channels)
    parts = room[: 3 * groups * span].view(3, batch, heads, blocks * span, channels)
    said = x.reshape(batch, frames, 3, heads, channels).permute(2, 0, 3, 1, 4)
    _turn(said, near.turns, out=parts[:, :, :, :frames])
    query = parts[0].mul_(channels**-0.5).view(groups, span, channels)
    around = room.unfold(0, keys, span).mT
    return query, around[groups - 1 : 2 * groups - 1], around[2 * groups - 1 :]


def _turn(parts: Tensor, turns: Turns | None, out: Tensor, way: int = 1) -> None:
    """Write parts to `out`, the pairs of channels of queries and keys turned by their position."""
    out.copy_(parts)
    if turns is not None:
        cos, sin = turns
        out[:2].mul_(cos).addcmul_(parts[:2].roll(parts.shape[-1] // 2, -1), sin, value=way)


def _joined(heard: Tensor, shape: torch.Size) -> Tensor:
    """Put heads side by side. Shape: [B*heads*blocks,span,channels] -> [B,N,width]."""
    batch, frames, width = shape
    by_head = heard.reshape(batch, width // (3 * heard.shape[-1]), -1, heard.shape[-1])
    return by_head[:, :, :frames].transpose(1, 2).reshape(batch, frames, -1)


@constant
def neighbourhood(
    frames: int, span: int, causal: bool, channels: int, dtype: torch.dtype, device: torch.device
) -> Neighbourhood:
    """Return what frames attend to, `channels` of them turned; training's equal chunks share it."""
    make = _kept if frames <= KEPT_FRAMES else _neighbourhood
    return make(frames, span, causal, channels, dtype, device)


def _neighbourhood(
    frames: int, span: int, causal: bool, channels: int, dtype: torch.dtype, device: torch.device
) -> Neighbourhood:
    with torch.inference_mode(False), torch.no_grad():
        start = span * torch.arange(-(-frames // span), device=device)[:, None, None]
        query = start + torch.arange(span, device=device)[:, None]
        key = start + torch.arange(-span, span if causal else 2 * span, device=device)
        ahead = key - query
        near = (ahead >= -span) & (ahead <= (0 if causal else span)) & (key >= 0) & (key < frames)
        scores = torch.zeros(near.shape, dtype=dtype, device=device)
        scores = scores.masked_fill_(~near, -math.inf)
        if not channels:
            return Neighbourhood(scores, None)
        turns = rotary_turns(frames, channels)
        cos, sin = (turn.to(scores, non_blocking=True) for turn in turns)
        return Neighbourhood(scores, (torch.cat([cos, cos], dim=1), torch.cat([-sin, sin], dim=1)))


_kept = functools.lru_cache(maxsize=2)(_neighbourhood)


@constant
def rotary_turns(positions: int, channels: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [positions, channels // 2]; angles a frame go from 1 to 1e-4.

    Found in float64, on the CPU: in float32, an hour's last angles would be off by a hundredth.
    """
    channel = torch.arange(0, channels, 2, dtype=torch.float64, device="cpu")
    position = torch.arange(first, first + positions, device="cpu")
    angles = position[:, None] * 10_000.0 ** (-channel / channels)
    return angles.cos(), angles.sin()
