"""A causal transformer that hears one frame after another.

A frame is so little arithmetic that a step costs what its operations cost to call, and memory for
their results as much again. Hence weights are gathered once, in the form that takes the fewest
operations, and every result, and every view of one, is there from the start.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ddspcore import Control
from ddspcore.builtin.attention import LocalAttention, rotary_turns
from ddspcore.dsp.scales import linear_of, to_unit

Affine = tuple[Tensor, Tensor]


class Listener:
    """A transformer in the middle of things; `hear` changes it.

    Features are scaled by the weights that embed them, once they are what the scales are linear in.
    """

    def __init__(self, network: Any, batch: int):
        self.inputs: tuple[Control, ...] = network.inputs
        self.frame = 0
        self.numbered = network.numbered
        self.embed = _with_scales(network.embed, self.inputs)
        self.layers = [Layer(layer, batch) for layer in network.layers]
        self.norm = _affine(network.norm)

    def hear(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the hidden frames that follow. Shape: features [B,n,C] -> [B,n,width]."""
        heard = torch.cat([linear_of(each, features[each.name]) for each in self.inputs], dim=-1)
        frames = [self._hear_frame(x) for x in heard.unbind(1)]
        return torch.stack(frames, dim=1) if len(frames) > 1 else frames[0][:, None]

    def _hear_frame(self, x: Tensor) -> Tensor:
        bias, weight = self.embed
        x = torch.addmm(bias, x, weight)
        if self.numbered:
            cos, sin = rotary_turns(1, x.shape[1], self.frame, x.device)
            x += torch.cat([sin, cos], dim=-1).to(x)
        for layer in self.layers:
            x = layer.hear(x, self.frame)
        self.frame += 1
        return torch.layer_norm(x, x.shape[1:], *self.norm)


class Layer:
    """A layer with the weights that it had when the stream began, and the frames that it hears.

    Each of the last span + 1 frames has a slot of memory, taken in turns. Keys lie there unturned
    and are turned by their distance: an angle that counted from the start would lose its precision
    within minutes.

    Shape: memory [B*heads,2,channels,slots], keys and values.
    """

    def __init__(self, layer: Any, batch: int):
        norm, attention = layer.attention
        norm_after, widen, _, narrow = layer.feedforward
        heads, width = attention.heads, attention.out.in_features
        rows, channels, slots = batch * heads, width // heads, attention.span + 1
        half = 0.5**0.5  # gelu(x) = half * (z + z erf(z)) with z = half * x
        self.norm, self.norm_after = _affine(norm), _affine(norm_after)
        self.query_key_value = _with_swapped(attention)
        self.out: Tensor = attention.out.weight.detach().mT
        self.widen = half * widen.bias.detach(), half * widen.weight.detach().mT
        # a last channel of ones takes the bias to what the result is added to
        self.narrow = torch.cat([half * narrow.weight.detach().mT, narrow.bias.detach()[None]])

        new = self.out.new_zeros
        self.memory = new(rows, 2, channels, slots)
        self.keys, self.values = self.memory[:, :1], self.memory[:, 1]
        self.slots = self.memory.unbind(-1)
        self.turns = _turns(attention, slots)
        self.parts = new(batch, 4 * width)
        self.query = self.parts.view(rows, 1, -1)[..., : 2 * channels]
        self.key_value = self.parts.view(rows, 4, channels)[:, 2:]
        self.turned = new(rows, 2, channels, slots)
        self.heard = new(rows, 1, channels)
        self.heads = self.heard.view(batch, width)
        self.wide_and_one = new(batch, len(self.narrow)).fill_(1.0)
        self.wide = self.wide_and_one[:, :-1]
        self.erf = torch.empty_like(self.wide)
        self.attended = new(batch, width)
        self.result: Tensor = new(batch, width)

    def hear(self, x: Tensor, frame: int) -> Tensor:
        """Do to frame number `frame` what the layer does.

        Shape: [B,width] -> [B,width], which the next frame overwrites.
        """
        if frame < len(self.slots):
            self._open(frame + 1)
        slot, width = frame % len(self.slots), x.shape[1:]
        normed = torch.layer_norm(x, width, *self.norm)
        torch.mm(normed, self.query_key_value, out=self.parts)
        self.slots[slot].copy_(self.key_value)
        torch.mul(self.keys, self.turns[slot], out=self.turned)
        torch.bmm(self.query, self.seen_keys, out=self.scores)
        torch.softmax(self.scores, -1, out=self.weights)
        torch.bmm(self.weights, self.seen_values, out=self.heard)
        torch.addmm(x, self.heads, self.out, out=self.attended)
        normed = torch.layer_norm(self.attended, width, *self.norm_after)
        bias, weight = self.widen
        torch.addmm(bias, normed, weight, out=self.wide)
        torch.erf(self.wide, out=self.erf)
        self.wide.addcmul_(self.wide, self.erf)
        return torch.addmm(self.attended, self.wide_and_one, self.narrow, out=self.result)

    def _open(self, slots: int) -> None:
        """Hear the first slots, while the others have not been filled yet."""
        self.seen_keys = self.turned.flatten(1, 2)[..., :slots]
        self.seen_values = self.values[..., :slots].mT
        self.scores = self.heard.new_empty(len(self.heard), 1, slots)
        self.weights = torch.empty_like(self.scores)


def _with_scales(embed: nn.Linear, inputs: tuple[Control, ...]) -> Affine:
    """Return bias and weight for what the scales to [-1, 1] are linear in."""
    points = torch.tensor([1.0, 2.0], dtype=torch.float64)
    gains, offsets = [], []
    for control in inputs:
        first, second = 2 * to_unit(control, points) - 1
        low, high = linear_of(control, points)
        gain = (second - first) / (high - low)
        gains += [gain] * control.channels
        offsets += [first - gain * low] * control.channels
    weight, bias = embed.weight.detach(), embed.bias.detach()
    gain, offset = (torch.stack(each).to(weight) for each in (gains, offsets))
    return bias + weight @ offset, (weight * gain).mT


def _affine(module: nn.Module) -> Affine:
    weight, bias = module.weight, module.bias
    assert isinstance(weight, Tensor)
    assert isinstance(bias, Tensor)
    return weight.detach(), bias.detach()


def _with_swapped(attention: LocalAttention) -> Tensor:
    """Return columns, head by head: queries, the same with their pairs swapped, keys, values."""
    weight = attention.query_key_value.weight.detach()
    query, key, value = weight.unflatten(0, (3, attention.heads, 2, -1))
    return torch.stack([query, query.flip(1), key, value], 1).flatten(0, 3).mT.contiguous()


def _turns(attention: LocalAttention, slots: int) -> tuple[Tensor, ...]:
    """Return for each slot that is new what turns the keys of all slots by their distance to it.

    A query that is turned is the query times cosines and its swapped partner times sines; so the
    keys are multiplied by both, and by what scales the scores.

    Shape: `slots` of [2,channels,slots].
    """
    cos, sin = attention.cos.expand_as(attention.sin), attention.sin
    if not attention.rotary:
        cos, sin = torch.ones_like(sin), torch.zeros_like(sin)
    turns = torch.stack([cos, sin]).flatten(2)[:, :slots]
    turns = turns.mT * turns.shape[2] ** -0.5
    around = torch.cat([turns, turns], dim=2).flip(2)[..., :-1]
    return around.unfold(2, slots, 1).unbind(2)[::-1]
