"""Levels in decibels: A-weighted, and plain."""

import torch
from torch import Tensor

from ddspcore.dsp.frames import frame
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.scales import power_to_db

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
    `floor_db` and its gradient zero, so silence is safe.

    Shape: x [B,T] -> [B, T // hop + 1].
    """
    bins_hz = torch.arange(window // 2 + 1, device=x.device, dtype=x.dtype) * (sample_rate / window)
    weights = 10.0 ** (a_weighting_db(bins_hz) / 10.0)
    # A real signal has its other half at negative frequencies; 0 Hz, weightless, counts once.
    weights = 2.0 * weights
    if window % 2 == 0:
        weights[-1] /= 2.0
    hann = torch.hann_window(window, device=x.device, dtype=x.dtype)
    share = weights / (window * hann.square().sum())
    powers = []
    for frames in frame(x, window, hop).split(CHUNK_FRAMES, -2):
        spectrum: Tensor = torch.fft.rfft(frames * hann)
        powers.append((spectrum.real.square() + spectrum.imag.square()) @ share)
    return power_to_db(2.0 * torch.cat(powers, -1), floor_db)


@full_precision
def rms_db(x: Tensor, hop: int, window: int, floor_db: float = FLOOR_DB) -> Tensor:
    """Return the level of centred Hann frames, in dB relative to a full-scale sine.

    A sine of amplitude 1 is at 0 dB, whatever its frequency; floor and gradient are those of
    `a_weighted_db`.

    Shape: x [B,T] -> [B, T // hop + 1].
    """
    hann = torch.hann_window(window, device=x.device, dtype=x.dtype)
    share = hann / hann.sum()
    chunks = frame(x, window, hop).split(CHUNK_FRAMES, -2)
    power = torch.cat([frames.square() @ share for frames in chunks], -1)
    return power_to_db(2.0 * power, floor_db)
