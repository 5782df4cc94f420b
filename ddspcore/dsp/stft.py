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
    return modulus(torch.fft.rfft(frame(x, window, hop) * hann(window, x)))


@full_precision
def power(x: Tensor, window: int, hop: int) -> Tensor:
    """Return squared magnitudes of centred frames under a periodic Hann window.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    return squared(torch.fft.rfft(frame(x, window, hop) * hann(window, x)))


def hann(window: int, like: Tensor) -> Tensor:
    """Return a periodic Hann window on the device and dtype of `like`."""
    return torch.hann_window(window, device=like.device, dtype=like.dtype)


def squared(spectrum: Tensor) -> Tensor:
    """Return |z|^2, in real arithmetic: several times as fast as `abs`, and it has no kink."""
    return torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)


def modulus(spectrum: Tensor) -> Tensor:
    """Return |z|, not under 1e-19, where the gradient is 0."""
    power = squared(spectrum)
    return power.clamp(min=torch.finfo(power.dtype).tiny).sqrt()
