"""Short-time spectra."""

import functools
from collections.abc import Iterator

import torch
from torch import Tensor

from ddspcore.dsp.frames import at_a_time, frame
from ddspcore.dsp.precision import full_precision


@full_precision
def magnitude(x: Tensor, window: int, hop: int) -> Tensor:
    """Return magnitudes of centred frames under a periodic Hann window, not normalised.

    Frame n is centred on sample n * hop; a sine of amplitude a has a peak of a * window / 4. An
    empty bin is 1e-19 and its gradient 0.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    return torch.cat([modulus(z) for z in spectra(x, window, hop)], dim=1)


@full_precision
def power(x: Tensor, window: int, hop: int) -> Tensor:
    """Return squared magnitudes of centred frames under a periodic Hann window.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    return torch.cat([squared(z) for z in spectra(x, window, hop)], dim=1)


def spectra(x: Tensor, window: int, hop: int) -> Iterator[Tensor]:
    """Yield the complex spectra of some frames at a time: what is made of them stays in the cache.

    Shape: x [B,T] -> [B,n,window // 2 + 1], over all frames.
    """
    shape, some = hann(window, x), at_a_time(len(x), window, x.device)
    for frames in frame(x, window, hop).split(some, 1):
        yield torch.fft.rfft(frames * shape)


def hann(window: int, like: Tensor) -> Tensor:
    """Return a periodic Hann window on the device and dtype of `like`; not to be written to."""
    return _hann(window, like.device, like.dtype)


@functools.lru_cache(maxsize=32)
def _hann(window: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return torch.hann_window(window, device=device, dtype=dtype)


def squared(spectrum: Tensor) -> Tensor:
    """Return |z|^2, in real arithmetic: several times as fast as `abs`, and it has no kink."""
    squares = torch.view_as_real(spectrum).square()
    return squares[..., 0] + squares[..., 1]


def modulus(spectrum: Tensor) -> Tensor:
    """Return |z|, not under 1e-19, where the gradient is 0."""
    power = squared(spectrum)
    return power.clamp_(min=torch.finfo(power.dtype).tiny).sqrt_()
