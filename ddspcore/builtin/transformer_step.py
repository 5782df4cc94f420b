"""A causal transformer layer on new frames, in as few operations as that takes.

One frame is so little arithmetic that a step costs what its operations cost to call, and a module's
weight takes longer to look up than to use. Hence the weights are gathered once, and the turned
partner of every query and key comes out of the same matrix product as they do.
"""

from typing import Any

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore.builtin.attention import LocalAttention

Affine = tuple[Tensor, Tensor]


@frozen
class Layer:
    """The weights of a layer, as they were when the stream began.

    Shape: query_key_value [5*width,width], rows of queries, queries with their pairs swapped, keys,
    keys with their pairs swapped, values; turns [2,1,1,positions,width/heads], what the plain and
    the swapped are multiplied by.
    """

    span: int
    norm: Affine
    query_key_value: Tensor
    turns: Tensor
    out: Tensor
    norm_after: Affine
    widen: Affine
    narrow: Affine


def gather(layer: Any) -> Layer:
    """Return the weights of a `TransformerLayer`."""
    norm, attention = layer.attention
    norm_after, widen, _, narrow = layer.feedforward
    return Layer(
        attention.span,
        _affine(norm),
        _with_swapped(attention),
        _turns(attention),
        attention.out.weight.detach(),
        _affine(norm_after),
        _affine(widen),
        _affine(narrow),
    )


def nothing_seen(layer: Any, batch: int, device: torch.device) -> Tensor:
    """Return what a layer keeps of no frame: keys, swapped keys, values.

    Shape: [3,B,heads,0,width/heads].
    """
    attention = layer.attention[1]
    channels = attention.out.in_features // attention.heads
    return torch.empty(3, batch, attention.heads, 0, channels, device=device)


def step(layer: Layer, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
    """Do to new frames what the layer does, and return what it keeps: at most `span` frames.

    Keys are kept unturned and turned by their distance to the first new frame: an angle that
    counted from the start would lose its precision within minutes.

    Shape: x [B,n,width], past [3,B,heads,m,width/heads].
    """
    frames, known, span = x.shape[1], past.shape[3], layer.span
    if frames > span:  # the turns reach no farther
        early, late = x.tensor_split(2, dim=1)
        first, past = step(layer, early, past)
        second, past = step(layer, late, past)
        return torch.cat([first, second], dim=1), past
    width = x.shape[2:]
    parts = F.linear(torch.layer_norm(x, width, *layer.norm), layer.query_key_value)
    parts = parts.view(len(x), frames, 5, past.shape[2], -1).permute(2, 0, 3, 1, 4)
    query, new = parts.split((2, 3))
    seen = torch.cat([past, new], dim=3)
    query = (query * layer.turns.narrow(3, span, frames)).sum(0)
    key = (seen[:2] * layer.turns.narrow(3, span - known, known + frames)).sum(0)
    mask = None  # one frame hears all that is kept
    if frames > 1:
        near = torch.ones(frames, known + frames, dtype=torch.bool, device=x.device)
        mask = near.tril(known).triu(known - span)
    heard = F.scaled_dot_product_attention(query, key, seen[2], attn_mask=mask)
    x = x + F.linear(heard.transpose(1, 2).flatten(2), layer.out)
    wide = F.gelu(F.linear(torch.layer_norm(x, width, *layer.norm_after), *layer.widen))
    kept = min(span, known + frames)
    return x + F.linear(wide, *layer.narrow), seen.narrow(3, known + frames - kept, kept)


def _affine(module: nn.Module) -> Affine:
    weight, bias = module.weight, module.bias
    assert isinstance(weight, Tensor)
    assert isinstance(bias, Tensor)
    return weight.detach(), bias.detach()


def _with_swapped(attention: LocalAttention) -> Tensor:
    weight = attention.query_key_value.weight.detach()
    query, key, value = weight.unflatten(0, (3, attention.heads, 2, -1))
    return torch.stack([query, query.flip(1), key, key.flip(1), value]).flatten(0, 3)


def _turns(attention: LocalAttention) -> Tensor:
    cos, sin = attention.cos.expand_as(attention.sin), attention.sin
    if not attention.rotary:
        cos, sin = torch.ones_like(sin), torch.zeros_like(sin)
    return torch.stack([cos, sin]).flatten(2)[:, None, None]
