"""Attention among near frames, in memory that grows with the length and not with its square."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KEPT_FRAMES = 1 << 14
"""Of more, as in a long file, what they attend to is not kept: it takes 256 bytes a frame."""


class LocalAttention(nn.Module):
    """Self-attention of each frame to those at most `span` frames away; causal: to none later.

    Queries go in blocks of `span` frames, which need the keys of their own block and of its
    neighbours only. Positions are rotary and counted within these blocks, so an hour sounds like a
    second: what a frame gets depends on its neighbourhood alone.

    Shape: [B,N,width] -> [B,N,width].
    Source: Su et al., RoFormer (2021), section 3.2 (rotary positions).
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, width: int, heads: int, span: int, causal: bool, rotary: bool):
        super().__init__()
        self.heads, self.span, self.causal, self.rotary = heads, span, causal, rotary
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        cos, sin = rotary_turns(3 * span, width // heads)
        self.register_buffer("cos", torch.cat([cos, cos], dim=1), persistent=False)
        self.register_buffer("sin", torch.cat([-sin, sin], dim=1), persistent=False)

    def forward(self, x: Tensor, near: Tensor) -> Tensor:
        """Return the attended frames; `near` is `neighbourhood` of as many items and frames."""
        batch, frames, width = x.shape
        tail = -frames % self.span
        parts = F.pad(self.query_key_value(x), (0, 0, 0, tail))
        parts = parts.view(batch, -1, self.span, 3, self.heads, width // self.heads)
        query = parts[:, :, :, 0].flatten(0, 1).transpose(1, 2)
        # Blocks with their neighbours, which are zeros at the ends.
        shifts = (1, 0) if self.causal else (1, 0, -1)
        around = [F.pad(parts[:, :, :, 1:], (*[0] * 8, shift, -shift)) for shift in shifts]
        key, value = torch.cat(around, dim=2).flatten(0, 1).transpose(1, 3).unbind(2)
        if self.rotary:
            query, key = self._turn(query, first=self.span), self._turn(key, first=0)
        heard = F.scaled_dot_product_attention(query, key, value, attn_mask=near.to(query.dtype))
        heard = heard.transpose(1, 2).reshape(batch, frames + tail, width)
        out: Tensor = self.out(heard[:, :frames])
        return out

    def _turn(self, x: Tensor, first: int) -> Tensor:
        """Turn pairs of channels by angles that grow with the position."""
        cos, sin = (t[first : first + x.shape[2]].to(x.dtype) for t in (self.cos, self.sin))
        return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


def neighbourhood(batch: int, frames: int, span: int, causal: bool, device: torch.device) -> Tensor:
    """Return what is added to scores: 0 for what a frame attends to, minus infinity for the rest.

    A frame past the end attends to one too: a softmax over nothing is not a number. That of
    training's many equal batches is kept; not to be written to.

    Shape: [B*blocks,1,span,keys], with 2 * span keys if causal and 3 * span otherwise.
    """
    make = _kept if batch * frames <= KEPT_FRAMES else _neighbourhood
    return make(batch, frames, span, causal, device)


def _neighbourhood(
    batch: int, frames: int, span: int, causal: bool, device: torch.device
) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        start = span * torch.arange(-(-frames // span), device=device)[:, None, None]
        query = start + torch.arange(span, device=device)[:, None]
        key = start + torch.arange(-span, span if causal else 2 * span, device=device)
        ahead = key - query
        near = (ahead >= -span) & (ahead <= (0 if causal else span)) & (key >= 0) & (key < frames)
        scores = torch.zeros(near.shape, device=device).masked_fill_(~near, -math.inf)
        return scores.repeat(batch, 1, 1)[:, None]


_kept = functools.lru_cache(maxsize=2)(_neighbourhood)


def rotary_turns(
    positions: int, channels: int, first: int = 0, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [positions, channels // 2]; angles a frame go from 1 to 1e-4."""
    rates = 10_000.0 ** (-torch.arange(0, channels, 2, device=device) / channels)
    angles = torch.arange(first, first + positions, device=device)[:, None] * rates
    return angles.cos(), angles.sin()
