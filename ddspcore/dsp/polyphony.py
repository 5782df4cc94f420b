"""Is it one note, or several: spectral peaks that no multiple of the pitch explains."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ddspcore.dsp.frames import samples
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.stft import spectra, squared

WINDOW_SECONDS = 0.128  # notes a semitone apart are two peaks from 130 Hz up
BAND_HZ = 4000.0  # above it, a small error of the pitch moves its multiples past each other
NEIGHBOURS = 4  # bins on either side that a peak towers above
PROMINENCE = 100.0  # in power, above the lowest of them: a sine, not a ripple of noise
WEAKEST = 1e-3  # of the strongest bin's power
TOLERANCE_BINS = 2.0
TOLERANCE = 0.015  # of a multiple's frequency: vibrato smears it over the window


@torch.no_grad()
@full_precision
def off_grid(x: Tensor, f0_hz: Tensor, sample_rate: float, hop: int) -> Tensor:
    """Return which share of the peaks' power lies off the multiples of `f0_hz`; 0 without peaks.

    Near 0 for one voice at that pitch. A second one raises it, unless it is at the unison, the
    octave or the twelfth above, whose partials are among the first one's.

    Shape: x [B,T], f0_hz [B, T // hop + 1] -> [B, T // hop + 1].
    """
    window = samples(WINDOW_SECONDS, sample_rate)
    bin_hz = sample_rate / window
    bins_hz = torch.arange(window // 2 + 1, device=x.device) * bin_hz
    tolerance = (TOLERANCE * bins_hz).clamp_min(TOLERANCE_BINS * bin_hz)
    shares, first = [], 0
    for spectrum in spectra(x, window, hop):
        power = squared(spectrum)
        power = power * _peaks(power) * (bins_hz < BAND_HZ)
        pitch = f0_hz[:, first : first + power.shape[1], None]
        multiple = (bins_hz / pitch).round().clamp_min(1.0) * pitch
        off = (power * ((bins_hz - multiple).abs() > tolerance)).sum(-1)
        shares.append(off / power.sum(-1).clamp_min(torch.finfo(power.dtype).tiny))
        first += power.shape[1]
    return torch.cat(shares, 1)


def _peaks(power: Tensor) -> Tensor:
    """Return where a spectrum has a prominent peak. Shape: [B,N,F] -> bool [B,N,F]."""
    lowest = -F.max_pool1d(-power, 2 * NEIGHBOURS + 1, 1, NEIGHBOURS)
    peak = (power > PROMINENCE * lowest) & (power > WEAKEST * power.amax(-1, keepdim=True))
    middle = power[..., 1:-1]
    summit = (middle > power[..., :-2]) & (middle >= power[..., 2:])
    return peak & F.pad(summit, (1, 1))
