"""Amplitudes of few frames, from one map."""

from typing import Protocol

import torch
from torch import Tensor

from ddspcore.dsp.scales import exp_sigmoid_


class Amplitudes(Protocol):
    """A linear map and `scales.exp_sigmoid` of it, at once."""

    def of(self, hidden: Tensor) -> Tensor:
        """Return new amplitudes, to be changed as one likes. Shape: [B,N,width] -> [B,N,C]."""


def amplitudes(bias: Tensor, matrix: Tensor) -> Amplitudes:
    """Return the map; without a gradient. Shape: bias [C], matrix [width,C]."""
    return _Amplitudes(bias, matrix)


class _Amplitudes:
    """Without a module, which for one frame costs more than the map."""

    def __init__(self, bias: Tensor, matrix: Tensor):
        self.bias, self.matrix = bias, matrix

    def of(self, hidden: Tensor) -> Tensor:
        mapped = torch.addmm(self.bias, hidden.flatten(0, 1), self.matrix)
        return exp_sigmoid_(mapped).view(*hidden.shape[:2], -1)
