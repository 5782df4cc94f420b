"""A causal transformer that hears one frame after another.

A frame is so little arithmetic that a step costs what its operations cost to call, and memory for
their results as much again. Hence weights are gathered once, in the form that takes the fewest
operations, and every result, and every view of one, is there from the start.
"""

from typing import Protocol

import torch
from attrs import frozen
from torch import Tensor

from ddspcore.dsp.transformer_layer import LayerWeights


@frozen(eq=False)
class Weights:
    """The weights of a transformer, and what turns pairs of channels by their distance.

    Each frame attends to itself and to the frames before it, as many as there are distances. The
    last norm is weight and bias.

    Shape: cosines and sines [distances,channels//2].
    """

    heads: int
    cosines: Tensor
    sines: Tensor
    layers: tuple[LayerWeights, ...]
    norm: tuple[Tensor, Tensor]


class Frames(Protocol):
    """A transformer in the middle of things; `hear` changes it."""

    def hear(self, x: Tensor) -> Tensor:
        """Return what the transformer makes of the next frames. Shape: [B,n,width]."""


def transformer_frames(weights: Weights, batch: int) -> Frames:
    """Return a transformer that has heard nothing; without a gradient."""
    return _Frames(weights, batch)


class _Frames:
    """The layers, and how many frames they have heard."""

    def __init__(self, weights: Weights, batch: int):
        self.layers = [_Layer(weights, layer, batch) for layer in weights.layers]
        self.norm = weights.norm
        self.frame = 0

    def hear(self, x: Tensor) -> Tensor:
        frames = [self._hear_frame(each) for each in x.unbind(1)]
        return torch.stack(frames, dim=1) if len(frames) > 1 else frames[0][:, None]

    def _hear_frame(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer.hear(x, self.frame)
        self.frame += 1
        return torch.layer_norm(x, x.shape[1:], *self.norm)


class _Layer:
    """A layer with the frames that it hears.

    Each frame that is attended to has a slot of memory, taken in turns. Keys lie there unturned
    and are turned by their distance: an angle that counted from the start would lose its precision
    within minutes.

    Shape: memory [B*heads,2,channels,slots], keys and values.
    """

    def __init__(self, weights: Weights, layer: LayerWeights, batch: int):
        heads, width, slots = weights.heads, len(layer.out), len(weights.cosines)
        rows, channels = batch * heads, width // heads
        half = 0.5**0.5  # gelu(x) = half * (z + z erf(z)) with z = half * x
        self.widen = half * layer.widen_bias, half * layer.widen.mT
        # a last channel of ones takes the bias to what the result is added to
        self.narrow = torch.cat([half * layer.narrow.mT, layer.narrow_bias[None]])
        self.norm = layer.norm, layer.norm_bias
        self.norm_after = layer.norm_after, layer.norm_after_bias
        self.query_key_value = _with_swapped(layer.query_key_value, heads)
        self.out = layer.out.mT

        new = self.out.new_zeros
        self.memory = new(rows, 2, channels, slots)
        self.keys, self.values = self.memory[:, :1], self.memory[:, 1]
        self.slots = self.memory.unbind(-1)
        self.turns = _turns(weights)
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


def _with_swapped(query_key_value: Tensor, heads: int) -> Tensor:
    """Return a matrix that takes rows to queries, the same with pairs swapped, keys and values.

    Head by head. Shape: [3*width,width] -> [width,4*width].
    """
    query, key, value = query_key_value.unflatten(0, (3, heads, 2, -1))
    return torch.stack([query, query.flip(1), key, value], 1).flatten(0, 3).mT.contiguous()


def _turns(weights: Weights) -> tuple[Tensor, ...]:
    """Return for each slot that is new what turns the keys of all slots by their distance to it.

    A query that is turned is the query times cosines and its swapped partner times sines; so the
    keys are multiplied by both, and by what scales the scores.

    Shape: `slots` of [2,channels,slots].
    """
    cosines, sines = weights.cosines, weights.sines
    both = torch.stack([torch.cat([cosines] * 2, dim=1), torch.cat([-sines, sines], dim=1)])
    turns = both.mT * both.shape[2] ** -0.5
    around = torch.cat([turns, turns], dim=2).flip(2)[..., :-1]
    return around.unfold(2, len(cosines), 1).unbind(2)[::-1]
