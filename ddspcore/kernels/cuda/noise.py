"""Noise through moving filters: cuFFT between programs that cut frames and add them up."""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.filters import fast_length, zero_phase
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import ramp
from ddspcore.kernels.cuda import frames


def filtered_noise(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    """Filter noise by moving magnitudes; see `ddspcore.dsp.filters.filtered_noise`.

    Shape: white [B,(N-1)*hop], magnitudes [B,N,bands] -> [B,(N-1)*hop].
    """
    filtered: Tensor = _Noise.apply(white, magnitudes, hop)
    return filtered


class _Noise(torch.autograd.Function):
    """A frame's noise rises and falls over two hops; its filter rings on before and after them."""

    @staticmethod
    def forward(ctx: Any, white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
        white = white.contiguous()
        count, bands = magnitudes.shape[1:]
        reach = bands - 1
        size = fast_length(2 * (hop + reach))
        triangle = _triangle(hop, reach, size, white.device)
        response = magnitudes @ zero_phase(bands, size, white.device, white.dtype)
        before = hop + reach
        with torch.cuda.device_of(white):
            cut = frames.cut(white, triangle, count, size, hop, before=before, reflected=False)
            spectra = torch.fft.rfft(cut)
            pieces = torch.fft.irfft(spectra * response, n=size)
            filtered = torch.empty_like(white)
            frames.add(pieces, None, filtered, hop, before=before, reflected=False, added=False)
        of_white, of_magnitudes, _ = ctx.needs_input_grad
        ctx.save_for_backward(
            triangle, response if of_white else None, spectra if of_magnitudes else None
        )
        ctx.sizes = hop, size, bands
        return filtered

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        triangle, response, spectra = ctx.saved_tensors
        hop, size, bands = ctx.sizes
        grad = grad.contiguous()
        count, before = grad.shape[1] // hop + 1, hop + bands - 1
        cut = frames.cut(grad, None, count, size, hop, before=before, reflected=False)
        of_pieces = torch.fft.rfft(cut)
        of_white = of_magnitudes = None
        if response is not None:
            # A zero-phase filter is its own adjoint.
            heard = torch.fft.irfft(of_pieces * response, n=size)
            of_white = torch.empty_like(grad)
            frames.add(heard, triangle, of_white, hop, before=before, reflected=False, added=False)
        if spectra is not None:
            products = torch.view_as_real(spectra) * torch.view_as_real(of_pieces)
            of_magnitudes = products.sum(-1) @ _to_magnitudes(bands, size, grad.device)
        return of_white, of_magnitudes, None


@functools.lru_cache(maxsize=32)
def _triangle(hop: int, reach: int, size: int, device: torch.device) -> Tensor:
    """Return the weights of a frame's noise, amid a frame of `size`."""
    with torch.inference_mode(False):
        rise = ramp(hop, torch.empty(0, device=device))
        return F.pad(torch.cat([rise, 1.0 - rise]), (reach, size - 2 * hop - reach))


@functools.lru_cache(maxsize=32)
def _to_magnitudes(bands: int, size: int, device: torch.device) -> Tensor:
    """Return the adjoint of irfft and of `zero_phase`: [size//2+1, bands].

    A real signal has every bin but the first and last twice.
    """
    with torch.inference_mode(False), torch.no_grad():
        adjoint = zero_phase(bands, size, device, torch.float32).mT * (2.0 / size)
        adjoint[0] *= 0.5
        adjoint[-1] *= 0.5
        return adjoint.contiguous()
