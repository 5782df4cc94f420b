"""Filtered noise that goes on from frame to frame."""

from torch import Tensor

from ddspcore.builtin.smoothing import Waiting
from ddspcore.kernels import noise_hops


class Hiss:
    """Noise in the middle of things; `begin` and `play` change it.

    Each hop rings `reach` samples before and after itself. So it is played that much later, when
    all that rings into it has come.
    """

    def __init__(self, hop: int):
        self.hop = hop
        self.waiting: Waiting | None = None
        self.begun = False

    def begin(self, magnitudes: Tensor) -> None:
        """Take the first frame. Shape: [B,bands]."""
        self.hops = noise_hops(magnitudes, self.hop)
        self.silent = magnitudes.shape[1] - 1
        self.begun = True

    def play(self, white: Tensor, magnitudes: Tensor) -> Tensor:
        """Go on to the next frame. Shape: white [B,hop], magnitudes [B,bands] -> [B,hop]."""
        heard = self.hops.play(white, magnitudes)
        if self.silent:  # before the first sample of all
            heard[:, : self.silent] = 0.0
            self.silent = max(0, self.silent - self.hop)
        return heard
