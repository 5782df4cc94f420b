"""The distance of short-time magnitudes: cuFFT between programs that each do one pass."""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.frames import ends
from ddspcore.dsp.stft import hann
from ddspcore.kernels.cuda import frames
from ddspcore.kernels.cuda.programs import spectra

BINS = 1024
"""Bins of one program; each leaves one partial sum."""


def multi_spectral_l1(
    x: Tensor,
    targets: Sequence[Tensor],
    hops: Sequence[int],
    *,
    linear: float,
    log: float,
    log_eps: float,
) -> Tensor:
    """Return the mean spectral distance over resolutions; see `ddspcore.dsp.spectral_distance`.

    Shape: x [B,T], each target [B, T // hop + 1, window // 2 + 1] -> scalar.
    """
    distance: Tensor = _Distance.apply(x, tuple(targets), tuple(hops), (linear, log, log_eps))
    return distance


class _Distance(torch.autograd.Function):
    """Forward keeps the gradient: all resolutions add theirs to one of the signal's size."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        targets: tuple[Tensor, ...],
        hops: tuple[int, ...],
        terms: tuple[float, float, float],
    ) -> Tensor:
        x = x.contiguous()
        of_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        with torch.cuda.device_of(x):
            distances = [
                _compare(x, target, hop, terms, 1.0 / len(hops), of_x, added=i > 0)
                for i, (target, hop) in enumerate(zip(targets, hops, strict=True))
            ]
        ctx.save_for_backward(of_x)
        return torch.cat(distances).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (of_x,) = ctx.saved_tensors
        return of_x * grad, None, None, None


def _compare(
    x: Tensor,
    target: Tensor,
    hop: int,
    terms: tuple[float, float, float],
    weight: float,
    of_x: Tensor | None,
    *,
    added: bool,
) -> Tensor:
    """Return partial sums of the distance at one resolution, and write or add its gradient."""
    bins = target.shape[-1]
    window, count = 2 * (bins - 1), x.shape[1] // hop + 1
    before, _, reflected = ends(x.shape[1], window, hop)
    shape = hann(window, x)
    spectrum = torch.fft.rfft(
        frames.cut(x, shape, count, window, hop, before=before, reflected=reflected)
    )
    sums = x.new_empty(triton.cdiv(spectrum.numel(), BINS))
    spectra.compare_spectra[(len(sums),)](
        torch.view_as_real(spectrum),
        target.expand_as(spectrum).contiguous(),
        sums,
        spectrum.numel(),
        *terms,
        weight / spectrum.numel(),
        BINS=bins,
        GRADIENT=of_x is not None,
        BLOCK=BINS,
    )
    if of_x is not None:
        of_frames = torch.fft.irfft(spectrum, n=window, norm="forward")
        frames.add(of_frames, shape, of_x, hop, before=before, reflected=reflected, added=added)
    return sums
