"""Filters in the frequency domain: noise through moving magnitudes, and long convolution."""

import functools
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.frames import at_a_time, overlap_add
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import ramp


@full_precision
def filtered_noise(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    """Filter noise by magnitudes that move linearly from frame to frame, without delay.

    A frame's `bands` magnitudes sample its filter's frequency response evenly from 0 to Nyquist;
    the filter is their zero-phase impulse response of 2 * (bands - 1) taps under a Hann window.
    Between frames, filters are interpolated linearly at every input sample. Differentiable once;
    where magnitudes have a gradient, the spectra of the noise are kept for it.

    Shape: white [B,(N-1)*hop], magnitudes [B,N,bands] with bands >= 2 -> [B,(N-1)*hop].
    Source: Engel et al., DDSP (ICLR 2020), appendix B.5 (frequency sampling).
    """
    filtered: Tensor = _Filtered.apply(white, magnitudes, hop)
    return filtered


class _Filtered(torch.autograd.Function):
    """Each hop of noise fades from one filter to the next, and rings before and after itself."""

    @staticmethod
    def forward(ctx: Any, white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
        ctx.save_for_backward(white, magnitudes)
        ctx.hop, ctx.blocks = hop, []
        reach, size = _sizes(magnitudes, hop)
        response = _response(magnitudes, size)
        # Each bin twice: its real and its imaginary part are multiplied as one row of numbers.
        twice = torch.view_as_real(torch.complex(response, response))
        # A hop more than there is, so that even nothing can be cut into hops.
        padded = white.new_zeros(len(white), white.shape[1] + hop + 2 * reach)
        slots, one = padded.unfold(1, hop + 2 * reach, hop), white.new_ones(())
        for at, spectra in _spectra(white, hop, reach, size):
            if ctx.needs_input_grad[1]:
                ctx.blocks.append((at, spectra))
            first, last = torch.view_as_real(spectra)
            heard = (first * twice[:, :-1][:, at]).addcmul_(last, twice[:, 1:][:, at])
            rung = torch.fft.irfft(torch.view_as_complex(heard), n=size)
            overlap_add(slots[:, at], rung[..., : hop + 2 * reach], one, hop)
        return padded[:, reach : reach + white.shape[1]]

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        white, magnitudes = ctx.saved_tensors
        hop = ctx.hop
        reach, size = _sizes(magnitudes, hop)
        heard = F.pad(grad, (reach, hop + reach)).unfold(1, hop + 2 * reach, hop)[:, :-1]
        of_white = of_magnitudes = None
        if ctx.needs_input_grad[0]:
            # A filter that is even in time is its own adjoint.
            response = _response(magnitudes, size)
            pairs = torch.stack([response[:, :-1], response[:, 1:]], 2)
            rung = torch.fft.irfft(torch.fft.rfft(heard, n=size)[:, :, None] * pairs, n=size)
            fading = rung[..., reach : reach + hop] * _fades(hop, white.device, white.dtype)
            of_white = fading.sum(2).flatten(1)
        if ctx.needs_input_grad[1]:
            # The real part of a product with a conjugate, before its two terms are added.
            terms = magnitudes.new_zeros(*magnitudes.shape[:2], size // 2 + 1, 2)
            for at, spectra in ctx.blocks:
                first, last = torch.view_as_real(spectra)
                spectrum = torch.view_as_real(torch.fft.rfft(heard[:, at], n=size))
                terms[:, :-1][:, at].addcmul_(first, spectrum)
                terms[:, 1:][:, at].addcmul_(last, spectrum)
            kind = magnitudes.device, magnitudes.dtype
            adjoint = _adjoint(magnitudes.shape[2], size, *kind)
            of_magnitudes = (terms[..., 0] + terms[..., 1]) @ adjoint
        return of_white, of_magnitudes, None


def _sizes(magnitudes: Tensor, hop: int) -> tuple[int, int]:
    """Return how far a filter rings, and the length of transforms."""
    reach = magnitudes.shape[2] - 1
    return reach, fast_length(hop + 2 * reach)


def _response(magnitudes: Tensor, size: int) -> Tensor:
    return magnitudes @ zero_phase(magnitudes.shape[2], size, magnitudes.device, magnitudes.dtype)


def _spectra(white: Tensor, hop: int, reach: int, size: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield the spectra of a block of hops, as they fade out of and into their two filters.

    Shape: white [B,H*hop] -> blocks [2,B,n,size//2+1], of hops that begin at index `reach`.
    """
    hops, fades = white.unflatten(1, (-1, hop)), _fades(hop, white.device, white.dtype)
    some = min(at_a_time(len(white), size, white.device), max(1, hops.shape[1]))
    room = white.new_zeros(2, len(white), some, size)
    for start in range(0, hops.shape[1], some):
        at = slice(start, min(start + some, hops.shape[1]))
        fading = room[:, :, : at.stop - at.start]
        torch.mul(hops[:, at], fades[:, None, None], out=fading[..., reach : reach + hop])
        yield at, torch.fft.rfft(fading)


@functools.lru_cache(maxsize=32)
def _fades(hop: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        rise = ramp(hop, torch.empty(0, device=device, dtype=dtype))
        return torch.stack([1.0 - rise, rise])


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


@functools.lru_cache(maxsize=32)
def _adjoint(bands: int, size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the adjoint of irfft and of `zero_phase`: [size//2+1, bands]."""
    with torch.inference_mode(False), torch.no_grad():
        adjoint = zero_phase(bands, size, device, dtype).mT * (2.0 / size)
        adjoint[:: size // 2] *= 0.5  # all bins but the first and the last stand for two
        return adjoint


@full_precision
def fft_convolve(x: Tensor, ir: Tensor) -> Tensor:
    """Convolve causally: sample t hears samples t, t-1, ... through ir[0], ir[1], ...

    Differentiable once.

    Shape: x [B,T], ir [B,L] or [1,L] -> [B,T].
    """
    wet: Tensor = _Convolved.apply(x, ir[:, : x.shape[1]])
    return wet


class _Convolved(torch.autograd.Function):
    """The adjoint of convolution is correlation, by real transforms where torch takes complex."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ir: Tensor) -> Tensor:
        ctx.lengths = x.shape[1], ir.shape[1]
        ctx.size = fast_length(sum(ctx.lengths) - 1)
        spectra = torch.fft.rfft(x, n=ctx.size), torch.fft.rfft(ir, n=ctx.size)
        ctx.save_for_backward(*spectra)
        wet: Tensor = torch.fft.irfft(spectra[0] * spectra[1], n=ctx.size)[:, : x.shape[1]]
        return wet

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        heard, response = ctx.saved_tensors
        spectrum = torch.fft.rfft(grad, n=ctx.size)
        of_x = of_ir = None
        if ctx.needs_input_grad[0]:
            of_x = torch.fft.irfft(response.conj() * spectrum, n=ctx.size)[:, : ctx.lengths[0]]
        if ctx.needs_input_grad[1]:
            spectrum = (heard.conj() * spectrum).sum_to_size(response.shape)
            of_ir = torch.fft.irfft(spectrum, n=ctx.size)[:, : ctx.lengths[1]]
        return of_x, of_ir


@functools.cache
def fast_length(least: int) -> int:
    """Return the smallest even 2^a 3^b 5^c that is at least `least`."""
    twice_odd: list[int] = [2 * 3**b * 5**c for b in range(20) for c in range(14)]
    return min(n << (-(-least // n) - 1).bit_length() for n in twice_odd)
