"""The mel scale, as HTK has it."""

import math

import torch
from torch import Tensor


def mel_filterbank(fft_bins: int, bands: int, sample_rate: int) -> Tensor:
    """Return triangular filters of peak 1, evenly spaced in mel from 0 to half the rate.

    Band b rises from edge b to edge b + 1 and falls to edge b + 2; multiply a power spectrum's
    bins by it and sum.

    Shape: -> [bands, fft_bins]; bin i lies at i * sample_rate / 2 / (fft_bins - 1) Hz.
    Source: The HTK Book, section 5.4: mel = 2595 log10(1 + hz / 700).
    """
    nyquist = sample_rate / 2
    top = math.log1p(nyquist / 700.0)
    edges_hz = torch.tensor([700.0 * math.expm1(top * i / (bands + 1)) for i in range(bands + 2)])
    bins_hz = torch.arange(fft_bins) * (nyquist / (fft_bins - 1))
    widths = edges_hz.diff()[:, None]
    rising = (bins_hz - edges_hz[:-2, None]) / widths[:-1]
    falling = (edges_hz[2:, None] - bins_hz) / widths[1:]
    return torch.minimum(rising, falling).clamp(min=0.0)
