"""The filtered noise by the compiled library, as a direct filter, and its gradients."""

import functools
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp import filters
from ddspcore.kernels.cpu.library import library, ready

MOST_BANDS = 129
"""A filter of more than 256 taps costs more directly than by FFT."""


def filtered_noise(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    """Filter noise by moving magnitudes; see `ddspcore.dsp.filters.filtered_noise`."""
    if not _fits(white, magnitudes, hop):
        return filters.filtered_noise(white, magnitudes, hop)
    taps = magnitudes @ _impulses(magnitudes.shape[-1])
    if torch.is_grad_enabled() and (white.requires_grad or taps.requires_grad):
        signal: Tensor = _Filter.apply(white, taps, hop)
        return signal
    return _run("ddsp_noise", white, taps, (*taps.shape, hop), torch.empty(white.shape))


def _fits(white: Tensor, magnitudes: Tensor, hop: int) -> bool:
    clips, frames, bands = magnitudes.shape
    return (
        frames > 1
        and hop > 0
        and 2 <= bands <= MOST_BANDS
        and white.shape == (clips, (frames - 1) * hop)
        and magnitudes.dtype == torch.float32
        and magnitudes.device == white.device
    )


@functools.lru_cache(maxsize=32)
def _impulses(bands: int) -> Tensor:
    """Return the matrix [bands, bands - 1] from magnitudes to taps at lags 0, 1, ..., windowed."""
    with torch.inference_mode(False), torch.no_grad():
        lags = torch.arange(bands - 1, dtype=torch.float64)
        impulses = torch.fft.irfft(torch.eye(bands, dtype=torch.float64))[:, : bands - 1]
        window = 0.5 + 0.5 * torch.cos(torch.pi * lags / (bands - 1))
        taps: Tensor = (impulses * window).float()
        return taps


class _Filter(torch.autograd.Function):
    """Results and gradients are one correlation each, of [B,T] noise and [B,N,reach] taps."""

    @staticmethod
    def forward(ctx: Any, white: Tensor, taps: Tensor, hop: int) -> Tensor:
        ctx.save_for_backward(white, taps if ctx.needs_input_grad[0] else None)
        ctx.sizes = (*taps.shape, hop)
        return _run("ddsp_noise", white, taps, ctx.sizes, torch.empty(white.shape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        white, taps = ctx.saved_tensors
        of_white = of_taps = None
        if ctx.needs_input_grad[0]:
            of_white = torch.empty(white.shape)
            _run("ddsp_noise_white_grad", taps, grad, ctx.sizes, of_white)
        if ctx.needs_input_grad[1]:
            of_taps = torch.empty(ctx.sizes[:3])
            _run("ddsp_noise_taps_grad", white, grad, ctx.sizes, of_taps)
        return of_white, of_taps, None


def _run(name: str, a: Tensor, b: Tensor, sizes: tuple[int, ...], result: Tensor) -> Tensor:
    a, b = ready(a), ready(b)
    function = getattr(library(), name)
    function(a.data_ptr(), b.data_ptr(), *sizes, result.data_ptr(), torch.get_num_threads())
    return result
