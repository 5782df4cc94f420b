"""Instantaneous frequency: where, between the bins of a short-time spectrum, its energy is."""

import functools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ddspcore.dsp.frames import at_a_time, frame
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.stft import hann, squared


@full_precision
def moments(x: Tensor, window: int, hop: int, sample_rate: float) -> tuple[Tensor, Tensor]:
    """Return the power of every bin, and power times instantaneous frequency in Hz.

    Of a steady tone, every bin that it dominates says the tone's own frequency, and bins may be
    added up before they are divided: nothing here divides, so an empty bin does no harm. Frames
    are centred on multiples of `hop`, under a periodic Hann window.

    Shape: x [B,T] -> twice [B, T // hop + 1, window // 2 + 1].

    Source: Auger and Flandrin, Improving the readability of time-frequency representations by the
    reassignment method (1995), section IV: f = k fs / w - Im(X' conj X) / (2 pi |X|^2), with X'
    the spectrum under the window's derivative.
    """
    bins = torch.arange(window // 2 + 1, device=x.device, dtype=x.dtype) * (sample_rate / window)
    powers, products = zip(*_moments(x, window, hop, sample_rate, bins), strict=True)
    return torch.cat(powers, 1), torch.cat(products, 1)


def _moments(
    x: Tensor, window: int, hop: int, sample_rate: float, bins: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    shape, slope = hann(window, x), _slope(window, x.device, x.dtype)
    for frames in frame(x, window, hop).split(at_a_time(len(x), window, x.device), 1):
        under_shape, under_slope = torch.fft.rfft(frames * shape), torch.fft.rfft(frames * slope)
        a, b = torch.view_as_real(under_slope), torch.view_as_real(under_shape)
        turned = a[..., 1] * b[..., 0] - a[..., 0] * b[..., 1]
        power = squared(under_shape)
        yield power, bins * power - turned * (sample_rate / (2.0 * math.pi))


@functools.lru_cache(maxsize=8)
def _slope(window: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the derivative of the Hann window, per sample."""
    with torch.inference_mode(False), torch.no_grad():
        turn = 2.0 * math.pi / window
        return torch.sin(torch.arange(window, device=device, dtype=dtype) * turn) * (turn / 2.0)
