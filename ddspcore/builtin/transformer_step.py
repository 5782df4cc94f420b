"""A causal transformer that hears the frames as they come."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ddspcore import Control
from ddspcore.dsp.attention import rotary_turns
from ddspcore.dsp.scales import linear_of, to_unit
from ddspcore.dsp.transformer import Weights
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.kernels import transformer_frames


class Listener:
    """A transformer in the middle of things, with the weights that it had when the stream began.

    `hear` changes it. Features are scaled by the weights that embed them, once they are what the
    scales are linear in.
    """

    def __init__(self, network: Any, batch: int):
        self.inputs: tuple[Control, ...] = network.inputs
        self.frame = 0
        self.numbered = network.numbered
        self.embed = _with_scales(network.embed, self.inputs)
        self.frames = transformer_frames(_weights(network), batch)

    def hear(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the hidden frames that follow. Shape: features [B,n,C] -> [B,n,width]."""
        heard = torch.cat([linear_of(each, features[each.name]) for each in self.inputs], dim=-1)
        bias, weight = self.embed
        x = torch.addmm(bias, heard.flatten(0, 1), weight).view(*heard.shape[:2], -1)
        if self.numbered:
            frames, width = x.shape[1:]
            cos, sin = rotary_turns(frames, width, self.frame)
            x += torch.cat([sin, cos], dim=-1).to(x)
        self.frame += x.shape[1]
        return self.frames.hear(x)


def _with_scales(embed: nn.Linear, inputs: tuple[Control, ...]) -> tuple[Tensor, Tensor]:
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


def _weights(network: Any) -> Weights:
    norm = network.norm.weight.detach(), network.norm.bias.detach()
    attention, width = network.layers[0].attends, len(norm[0])
    cosines, sines = rotary_turns(attention.span + 1, width // attention.heads)
    if not attention.rotary:
        cosines, sines = torch.ones_like(cosines), torch.zeros_like(sines)
    layers = tuple(LayerWeights(*(x.detach() for x in each.weights())) for each in network.layers)
    return Weights(attention.heads, cosines.to(norm[0]), sines.to(norm[0]), layers, norm)
