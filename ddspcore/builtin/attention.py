"""Attention among near frames, in memory that grows with the length and not with its square."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        cos, sin = (turn[:, None] for turn in rotary_turns(3 * span, width // heads))
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", torch.cat([-sin, sin], dim=1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attended frames."""
        batch, frames, width = x.shape
        span, after = self.span, 0 if self.causal else self.span
        blocks = -(-frames // span)
        tail = blocks * span - frames
        query, key, value = (
            F.pad(part.unflatten(-1, (self.heads, -1)), (0, 0, 0, 0, 0, tail))
            for part in self.query_key_value(x).chunk(3, dim=-1)
        )
        query = query.unflatten(1, (blocks, span)).flatten(0, 1).transpose(1, 2)
        key, value = (
            F.pad(part, (0, 0, 0, 0, span, after))
            .unfold(1, 2 * span + after, span)
            .flatten(0, 1)
            .transpose(2, 3)
            for part in (key, value)
        )
        if self.rotary:
            query, key = self._turn(query, first=span), self._turn(key, first=0)
        mask = self._mask(blocks, frames, x.device).repeat(batch, 1, 1)[:, None]
        heard = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        heard = heard.transpose(1, 2).reshape(batch, blocks * span, width)
        out: Tensor = self.out(heard[:, :frames])
        return out

    def _mask(self, blocks: int, frames: int, device: torch.device) -> Tensor:
        """Return which keys of its block's surroundings each query may see [blocks,span,keys].

        A query past the end sees a frame too: a softmax over nothing is not a number.
        """
        start = self.span * torch.arange(blocks, device=device)[:, None, None]
        query = start + torch.arange(self.span, device=device)[:, None]
        keys = (2 if self.causal else 3) * self.span
        key = start - self.span + torch.arange(keys, device=device)
        ahead = key - query
        near = (ahead >= -self.span) & (ahead <= (0 if self.causal else self.span))
        return near & (key >= 0) & (key < frames)

    def _turn(self, x: Tensor, first: int) -> Tensor:
        """Turn pairs of channels by angles that grow with the position."""
        cos, sin = (t[first : first + x.shape[2]].to(x.dtype) for t in (self.cos, self.sin))
        pairs = x.unflatten(-1, (2, -1))
        return torch.addcmul(pairs * cos, pairs.flip(-2), sin).flatten(-2)


def rotary_turns(
    positions: int, channels: int, first: int = 0, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [positions, channels // 2]; angles a frame go from 1 to 1e-4."""
    rates = 10_000.0 ** (-torch.arange(0, channels, 2, device=device) / channels)
    angles = torch.arange(first, first + positions, device=device)[:, None] * rates
    return angles.cos(), angles.sin()
