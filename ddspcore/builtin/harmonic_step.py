"""A harmonic tone that goes on from frame to frame."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ddspcore.builtin.smoothing import Waiting
from ddspcore.dsp.hops import phases_after
from ddspcore.kernels import harmonic_hops, harmonic_shares


class Tone:
    """A tone in the middle of things; `begin` and `play` change it.

    What there is to know of the pitch is worked out on the host; phases are those of its next
    sample, in units of 2**-25 / sample_rate cycle.
    """

    def __init__(self, batch: int, hop: int, sample_rate: int):
        self.hop, self.sample_rate = hop, sample_rate
        self.phases = [0] * batch
        self.waiting: Waiting | None = None
        self.frames = 0
        self.begun = False

    def begin(self, f0_hz: NDArray[np.float32], amplitude: Tensor, distribution: Tensor) -> None:
        """Take the first frame. Shape: f0_hz [B], amplitude [B,1], distribution [B,K]."""
        batch, harmonics = distribution.shape
        self.ends = distribution.new_zeros(batch, 2, harmonics)
        self.share, self.sum_sines = harmonic_shares(distribution), harmonic_hops(distribution)
        self.f0_hz: list[float] = f0_hz.tolist()
        self.share(self.f0_hz, amplitude, distribution, self.ends, self.sample_rate)
        self.begun = True

    def play(self, f0_hz: NDArray[np.float32], amplitude: Tensor, distribution: Tensor) -> Tensor:
        """Go on to the next frame. Shape: as in `begin` -> [B,hop]."""
        pairs = list(zip(self.f0_hz, f0_hz.tolist(), strict=True))
        self.f0_hz = f0_hz.tolist()
        self.share(self.f0_hz, amplitude, distribution, self.ends, self.sample_rate)
        tone = self.sum_sines(pairs, self.ends, self.hop, self.sample_rate, self.phases)
        self.phases = phases_after(pairs, self.hop, self.sample_rate, self.phases)
        return tone
