"""Filtered noise that goes on from frame to frame."""

import torch
from torch import Tensor

from ddspcore.builtin.smoothing import Waiting
from ddspcore.dsp.filters import fast_length, zero_phase
from ddspcore.dsp.upsampling import ramp


class Hiss:
    """Noise in the middle of things; `begin` and `play` change it.

    Each hop fades from its first filter to its last, and rings `reach` samples before and after
    itself. So it is played that much later, when all that rings into it has come.

    Shape: filters [B,2,size//2+1], the responses of the last two frames; ringing [B,2*reach], what
    earlier hops add to the next samples.
    """

    def __init__(self, hop: int):
        self.hop = hop
        self.waiting: Waiting | None = None
        self.begun = False

    def begin(self, magnitudes: Tensor) -> None:
        """Take the first frame. Shape: [B,bands]."""
        batch, bands = magnitudes.shape
        rise = ramp(self.hop, magnitudes)
        self.fades = torch.stack([1.0 - rise, rise])
        self.reach = self.silent = bands - 1
        self.size = fast_length(self.hop + 2 * self.reach)
        self.matrix = zero_phase(bands, self.size, magnitudes.device, magnitudes.dtype)
        self.filters = magnitudes.new_zeros(batch, 2, self.size // 2 + 1)
        self.earlier, self.later = self.filters.unbind(1)
        self.room = magnitudes.new_zeros(batch, 2, self.size)
        self.fading = self.room[..., self.reach : self.reach + self.hop]
        self.ringing = magnitudes.new_zeros(batch, 2 * self.reach)
        torch.mm(magnitudes, self.matrix, out=self.later)
        self.begun = True

    def play(self, white: Tensor, magnitudes: Tensor) -> Tensor:
        """Go on to the next frame. Shape: white [B,hop], magnitudes [B,bands] -> [B,hop]."""
        torch.mul(white[:, None], self.fades, out=self.fading)
        self.earlier.copy_(self.later)
        torch.mm(magnitudes, self.matrix, out=self.later)
        spectrum = (torch.fft.rfft(self.room) * self.filters).sum(1)
        heard: Tensor = torch.fft.irfft(spectrum, n=self.size)
        heard[:, : 2 * self.reach] += self.ringing
        heard, self.ringing = heard[:, : self.hop], heard[:, self.hop : self.hop + 2 * self.reach]
        if self.silent:  # before the first sample of all
            heard[:, : self.silent] = 0.0
            self.silent = max(0, self.silent - self.hop)
        return heard
