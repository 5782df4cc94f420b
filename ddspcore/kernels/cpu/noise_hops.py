"""Filtered noise, hop after hop, by the compiled library."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from ddspcore.dsp import hiss
from ddspcore.dsp.filters import zero_phase
from ddspcore.kernels.cpu.library import ROUND, library, ready

MOST_SUMS = 1 << 17
"""Samples of a hop times bands; of more, transforms are faster."""


def noise_hops(magnitudes: Tensor, hop: int) -> hiss.Hops:
    """Return noise that is about to begin; see `ddspcore.dsp.hiss`."""
    if hop * magnitudes.shape[1] > MOST_SUMS:
        return hiss.noise_hops(magnitudes, hop)
    return _Hops(magnitudes, hop)


class _Hops:
    """All that the library wants to know, once for all hops.

    Shape: impulses [bands, rounded reach], what each band adds to the taps of an even filter; taps
    [B,2,rounded reach], of the last two frames; ringing [B,2*reach].
    """

    def __init__(self, magnitudes: Tensor, hop: int):
        batch, bands = magnitudes.shape
        reach = bands - 1
        design = zero_phase(bands, 2 * reach + 1, magnitudes.device, torch.float64)
        impulses = torch.fft.irfft(design, n=2 * reach + 1)[:, :reach].float()
        self.impulses = F.pad(impulses, (0, -reach % ROUND)).contiguous()
        self.taps = torch.stack([magnitudes @ self.impulses] * 2, dim=1)
        self.ringing = magnitudes.new_zeros(batch, 2 * reach)
        arrays = self.impulses, self.taps, self.ringing
        self.pointers = [ctypes.c_void_p(each.data_ptr()) for each in arrays]
        self.sizes = [ctypes.c_int64(each) for each in (batch, hop, reach)]
        self.filter = library().ddsp_noise_hop

    def play(self, white: Tensor, magnitudes: Tensor) -> Tensor:
        white, magnitudes = ready(white), ready(magnitudes)
        heard = torch.empty_like(white)
        given = white.data_ptr(), magnitudes.data_ptr()
        self.filter(*given, *self.pointers, heard.data_ptr(), *self.sizes)
        return heard
