"""Levels in decibels: A-weighted, and plain."""

import functools
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.frames import Unframing, frame
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.scales import power_to_db
from ddspcore.dsp.stft import hann, spectra, squared

FLOOR_DB = -80.0
CHUNK_FRAMES = 1024  # transformed at a time: an hour of audio needs no more memory than a minute


def a_weighting_db(freq_hz: Tensor) -> Tensor:
    """Return the A-weighting curve in dB, 0 at 1 kHz; -inf at 0 Hz.

    Shape: any.
    Source: IEC 61672-1:2013, Annex E.
    """
    f = freq_hz.square()
    gain = (
        (12194.217**2 / (f + 12194.217**2))
        * (f / (f + 20.598997**2))
        * (f / ((f + 107.65265**2).sqrt() * (f + 737.86223**2).sqrt()))
    )
    return 20.0 * torch.log10(gain) + 1.9997


@full_precision
def a_weighted_db(
    x: Tensor, sample_rate: float, hop: int, window: int, floor_db: float = FLOOR_DB
) -> Tensor:
    """Return the A-weighted level of centred Hann frames, in dB relative to a full-scale sine.

    A sine of amplitude 1 at 1 kHz is at 0 dB. The weights apply to the bins of the spectrum: a
    window of 64 ms follows the curve within 0.5 dB from 100 Hz up. Below `floor_db` the level is
    `floor_db` and its gradient zero, so silence is safe. Differentiable once.

    Shape: x [B,T] -> [B, T // hop + 1].
    """
    power: Tensor = _Power.apply(x, _shares(sample_rate, window, x.device, x.dtype), window, hop)
    return power_to_db(2.0 * power, floor_db)


class _Power(torch.autograd.Function):
    """Weighted sums of squared bins; spectra are computed again in backward, and never kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shares: Tensor, window: int, hop: int) -> Tensor:
        ctx.save_for_backward(x, shares)
        ctx.window, ctx.hop = window, hop
        return torch.cat([squared(z) @ shares for z in spectra(x, window, hop)], 1)

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, shares = ctx.saved_tensors
        unframing, shape, first = Unframing(x, ctx.window, ctx.hop), hann(ctx.window, x), 0
        # The adjoint of rfft is irfft, which counts every bin but the first and last twice, and
        # the slope of a square is twice the bin; 0 Hz is weightless.
        slopes = shares.clone()
        if ctx.window % 2 == 0:
            slopes[-1] *= 2.0
        for z in spectra(x, ctx.window, ctx.hop):
            of_frames = torch.fft.irfft(z.mul_(slopes), n=ctx.window, norm="forward")
            upstream = grad[:, first : first + z.shape[1], None]
            unframing.add(of_frames.mul_(upstream), shape, first)
            first += z.shape[1]
        return unframing.signal(), None, None, None


@functools.lru_cache(maxsize=32)
def _shares(sample_rate: float, window: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return what each squared bin adds to the power of a frame."""
    with torch.inference_mode(False), torch.no_grad():
        bins_hz = torch.arange(window // 2 + 1, device=device, dtype=dtype) * (sample_rate / window)
        # A real signal has its other half at negative frequencies; 0 Hz, weightless, counts once.
        weights = 2.0 * 10.0 ** (a_weighting_db(bins_hz) / 10.0)
        if window % 2 == 0:
            weights[-1] /= 2.0
        return weights / (window * hann(window, weights).square().sum())


@full_precision
def rms_db(x: Tensor, hop: int, window: int, floor_db: float = FLOOR_DB) -> Tensor:
    """Return the level of centred Hann frames, in dB relative to a full-scale sine.

    A sine of amplitude 1 is at 0 dB, whatever its frequency; floor and gradient are those of
    `a_weighted_db`.

    Shape: x [B,T] -> [B, T // hop + 1].
    """
    shape = hann(window, x)
    share = shape / shape.sum()
    chunks = frame(x, window, hop).split(CHUNK_FRAMES, -2)
    power = torch.cat([frames.square() @ share for frames in chunks], -1)
    return power_to_db(2.0 * power, floor_db)
