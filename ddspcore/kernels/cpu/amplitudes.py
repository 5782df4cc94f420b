"""Amplitudes of few frames, by the compiled library."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from ddspcore.dsp.amplitude_maps import Amplitudes
from ddspcore.kernels.cpu.library import ROUND, library, ready


def amplitudes(bias: Tensor, matrix: Tensor) -> Amplitudes:
    """Return a map and what squashes it; see `ddspcore.dsp.amplitude_maps`."""
    return _Amplitudes(bias, matrix)


class _Amplitudes:
    """The map, in whole vectors."""

    def __init__(self, bias: Tensor, matrix: Tensor):
        self.outputs = len(bias)
        both = torch.cat([bias[None], matrix])
        self.bias_and_matrix = F.pad(both, (0, -self.outputs % ROUND)).contiguous()
        bias, matrix = self.bias_and_matrix[0], self.bias_and_matrix[1:]
        self.pointers = [ctypes.c_void_p(each.data_ptr()) for each in (matrix, bias)]
        self.squash = library().ddsp_amplitudes

    def of(self, hidden: Tensor) -> Tensor:
        hidden = ready(hidden)
        batch, frames, width = hidden.shape
        rounded = hidden.new_empty(batch, frames, self.bias_and_matrix.shape[1])
        rows = batch * frames, width, self.outputs
        self.squash(hidden.data_ptr(), *self.pointers, rounded.data_ptr(), *rows)
        return rounded[..., : self.outputs]
