"""Short-time spectra."""

import torch
from torch import Tensor

from ddspcore.dsp.frames import frame
from ddspcore.dsp.precision import full_precision


@full_precision
def magnitude(x: Tensor, window: int, hop: int) -> Tensor:
    """Return magnitudes of centred frames under a periodic Hann window, not normalised.

    Frame n is centred on sample n * hop; a sine of amplitude a has a peak of a * window / 4. An
    empty bin is 1e-19 and its gradient 0.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    squared = power(x, window, hop)
    return squared.clamp(min=torch.finfo(squared.dtype).tiny).sqrt()


@full_precision
def power(x: Tensor, window: int, hop: int) -> Tensor:
    """Return squared magnitudes of centred frames under a periodic Hann window.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    hann = torch.hann_window(window, device=x.device, dtype=x.dtype)
    spectrum: Tensor = torch.fft.rfft(frame(x, window, hop) * hann)
    return spectrum.real.square() + spectrum.imag.square()
