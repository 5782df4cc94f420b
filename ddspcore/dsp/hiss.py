"""Filtered noise, hop after hop."""

from typing import Protocol

import torch
from torch import Tensor

from ddspcore.dsp.filters import fast_length, zero_phase
from ddspcore.dsp.upsampling import ramp


class Hops(Protocol):
    """Noise in the middle of things; `play` changes it."""

    def play(self, white: Tensor, magnitudes: Tensor) -> Tensor:
        """Go on to the next frame. Shape: white [B,hop], magnitudes [B,bands] -> [B,hop]."""


def noise_hops(magnitudes: Tensor, hop: int) -> Hops:
    """Return noise that is about to begin, with the magnitudes of its first frame.

    What it plays is `filters.filtered_noise`, bands - 1 samples late; without a gradient.

    Shape: magnitudes [B,bands].
    """
    return _Hops(magnitudes, hop)


class _Hops:
    """Each hop fades from its first filter to its last, and rings before and after itself.

    Shape: filters [B,2,size//2+1], the responses of the last two frames; ringing [B,2*reach], what
    earlier hops add to the next samples.
    """

    def __init__(self, magnitudes: Tensor, hop: int):
        batch, bands = magnitudes.shape
        rise, reach = ramp(hop, magnitudes), bands - 1
        self.hop, self.rung = hop, 2 * reach
        self.fades = torch.stack([1.0 - rise, rise])
        self.size = fast_length(hop + 2 * reach)
        self.matrix = zero_phase(bands, self.size, magnitudes.device, magnitudes.dtype)
        self.filters = magnitudes.new_zeros(batch, 2, self.size // 2 + 1)
        self.earlier, self.later = self.filters.unbind(1)
        self.room = magnitudes.new_zeros(batch, 2, self.size)
        self.fading = self.room[..., reach : reach + hop]
        self.ringing = magnitudes.new_zeros(batch, 2 * reach)
        torch.mm(magnitudes, self.matrix, out=self.later)

    def play(self, white: Tensor, magnitudes: Tensor) -> Tensor:
        torch.mul(white[:, None], self.fades, out=self.fading)
        self.earlier.copy_(self.later)
        torch.mm(magnitudes, self.matrix, out=self.later)
        spectrum = (torch.fft.rfft(self.room) * self.filters).sum(1)
        heard: Tensor = torch.fft.irfft(spectrum, n=self.size)
        heard[:, : self.rung] += self.ringing
        self.ringing = heard[:, self.hop : self.hop + self.rung]
        return heard[:, : self.hop]
