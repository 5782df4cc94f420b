"""A causal transformer, frame after frame, by the compiled library."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from ddspcore.dsp.transformer import Frames, Weights
from ddspcore.kernels.cpu.library import ROUND, library, ready


def transformer_frames(weights: Weights, batch: int) -> Frames:
    """Return a transformer that has heard nothing; see `ddspcore.dsp.transformer`."""
    return _Frames(weights, batch)


class _Frames:
    """All that the library wants to know, once for all frames.

    Shape: memory [B,layers,width,rounded slots + slots], keys and values.
    """

    def __init__(self, weights: Weights, batch: int):
        wide, width = weights.layers[0].widen.shape
        slots, layers = len(weights.cosines), len(weights.layers)
        self.weights = _in_a_row(weights)
        self.turns = _around(weights)
        self.memory = torch.zeros(batch, layers, width, slots + -(-slots // ROUND) * ROUND)
        arrays = self.weights, self.turns, self.memory
        self.pointers = [ctypes.c_void_p(each.data_ptr()) for each in arrays]
        sizes = batch, layers, width, wide, weights.heads, slots
        self.sizes = [ctypes.c_int64(each) for each in sizes]
        self.listen = library().ddsp_hear
        self.frame = 0

    def hear(self, x: Tensor) -> Tensor:
        x = ready(x)
        heard, frames = torch.empty_like(x), x.shape[1]
        self.listen(*self.pointers, x.data_ptr(), heard.data_ptr(), frames, self.frame, *self.sizes)
        self.frame += frames
        return heard


def _in_a_row(weights: Weights) -> Tensor:
    each = [x.mT if x.dim() > 1 else x for layer in weights.layers for x in layer]
    rounded = [F.pad(x, (0, -x.shape[-1] % ROUND)) for x in (*each, *weights.norm)]
    return torch.cat([x.flatten() for x in rounded])


def _around(weights: Weights) -> Tensor:
    """Return cosines and sines by distance, which falls from column to column, again and again.

    Shape: [2,channels//2,2*rounded slots].
    """
    slots = len(weights.cosines)
    columns = torch.arange(2 * (-(-slots // ROUND) * ROUND))
    distances = (slots - 1 - columns) % slots
    return torch.stack([weights.cosines, weights.sines])[:, distances].mT.contiguous()
