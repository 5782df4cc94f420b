"""Filters in the frequency domain: noise through moving magnitudes, and long convolution."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import ramp


@full_precision
def filtered_noise(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    """Filter noise by magnitudes that move linearly from frame to frame, without delay.

    A frame's `bands` magnitudes sample its filter's frequency response evenly from 0 to Nyquist;
    the filter is their zero-phase impulse response of 2 * (bands - 1) taps under a Hann window.
    Each filter hears the noise through a triangle of two hops around its frame, and the results
    are added, which is the same as interpolating the filter linearly at every input sample.

    Shape: white [B,(N-1)*hop], magnitudes [B,N,bands] with bands >= 2 -> [B,(N-1)*hop].
    Source: Engel et al., DDSP (ICLR 2020), appendix B.5 (frequency sampling).
    """
    bands = magnitudes.shape[-1]
    reach = bands - 1  # a zero-phase filter rings as long before its input as after it
    slabs = 2 + -(-2 * reach // hop)
    size = slabs * hop
    rise = ramp(hop, white)
    triangle = F.pad(torch.cat([rise, 1.0 - rise]), (reach, size - 2 * hop - reach))
    around = F.pad(white, (hop + reach, size - hop - reach))
    spectra = torch.fft.rfft(around.unfold(1, size, hop) * triangle)
    response = magnitudes @ zero_phase(bands, size, white.device, white.dtype)
    filtered = torch.fft.irfft(spectra * response, n=size)
    pieces: Tensor = filtered.unflatten(-1, (slabs, hop))
    slots = [F.pad(pieces[:, :, i], (0, 0, i, slabs - 1 - i)) for i in range(slabs)]
    total = sum(slots[1:], start=slots[0]).flatten(1)
    return total[:, hop + reach :][:, : white.shape[-1]]


@functools.lru_cache(maxsize=32)
def zero_phase(bands: int, size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the matrix [bands, size//2+1] from magnitudes to the windowed filter's response.

    Zero phase makes the response real and linear in the magnitudes.
    """
    with torch.inference_mode(False), torch.no_grad():
        taps = 2 * (bands - 1)
        impulses = torch.fft.irfft(torch.eye(bands, device=device, dtype=dtype), n=taps)
        lag = torch.arange(taps, device=device)
        lag = torch.minimum(lag, taps - lag)
        impulses = impulses * (0.5 + 0.5 * torch.cos(2.0 * torch.pi * lag / taps))
        positive, negative = impulses[:, : bands - 1], impulses[:, bands:]
        gap = impulses.new_zeros(bands, size - taps + 1)
        response: Tensor = torch.fft.rfft(torch.cat([positive, gap, negative], dim=1))
        return response.real.contiguous()


@full_precision
def fft_convolve(x: Tensor, ir: Tensor) -> Tensor:
    """Convolve causally: sample t hears samples t, t-1, ... through ir[0], ir[1], ...

    Shape: x [B,T], ir [B,L] or [1,L] -> [B,T].
    """
    length = x.shape[-1]
    ir = ir[..., :length]
    size = fast_length(length + ir.shape[-1] - 1)
    product = torch.fft.rfft(x, n=size) * torch.fft.rfft(ir, n=size)
    wet: Tensor = torch.fft.irfft(product, n=size)
    return wet[..., :length]


def fast_length(least: int) -> int:
    """Return the smallest even 2^a 3^b 5^c that is at least `least`."""
    twice_odd: list[int] = [2 * 3**b * 5**c for b in range(20) for c in range(14)]
    return min(n << (-(-least // n) - 1).bit_length() for n in twice_odd)
