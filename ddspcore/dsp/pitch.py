"""A pitch tracker: peaks of the normalised autocorrelation, joined by the smoothest path."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.viterbi import smoothest_path

PERIODS = 3  # of f0_min in a window: with fewer, the two sides of a Hann spectrum overlap
BAND_HZ = (6000.0, 8000.0)  # heard below, fading, not heard above: alike at every sample rate
LAG_RATE_HZ = 60_000  # lags are at least as dense, so that a parabola fits the peaks of the band
CANDIDATES = 10
MULTIPLES = 24
EDGE = 1.01  # a pitch at the very edge of the range is found, whichever side noise puts it
CHUNK_FRAMES = 256  # analysed at a time: an hour of audio needs no more memory than a minute
STEP_SECONDS = 0.01  # the step that `jump_cost` is stated for
VOICING_RAMP = 0.2


@torch.no_grad()
@full_precision
def track(
    x: Tensor,
    sample_rate: float,
    hop: int,
    *,
    f0_min: float = 50.0,
    f0_max: float = 2000.0,
    octave_cost: float = 0.05,
    jump_cost: float = 0.5,
    threshold: float = 0.6,
    silence_db: float = -70.0,
) -> tuple[Tensor, Tensor]:
    """Track the fundamental frequency, and how voiced each frame is.

    `f0_hz` is always positive: interpolated in log frequency across unvoiced frames, held at the
    ends, `f0_min` where nothing is voiced. `voicing` is 0.5 where the periodic share of the power
    is `threshold`, 0 where it is 0.2 less and 1 where it is 0.2 more.

    Frame n looks at three periods of `f0_min` around sample n * hop. A frame that would reach past
    an end looks at the nearest whole window: a reflected tone breaks its phase, and so its pitch.

    `octave_cost` is what a candidate pays for each octave below `f0_max`, `jump_cost` what the path
    pays for each octave it moves in 10 ms; both in units of the periodic share. A tone `silence_db`
    below full scale has half its share.

    Shape: x [B,T] -> f0_hz, voicing [B, T // hop + 1].
    Source: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
    harmonics-to-noise ratio of a sampled sound", 1993: normalisation, octave and jump costs.
    """
    pitches, shares = _candidates(
        x,
        sample_rate,
        hop,
        f0_min=f0_min,
        f0_max=f0_max,
        octave_cost=octave_cost,
        silence_db=silence_db,
    )
    octaves = torch.log2(pitches / f0_min)
    merits = shares - octave_cost * (math.log2(f0_max / f0_min) - octaves)
    # Merits add up with the frames, jumps with the music: weighted so, any hop finds one path.
    step = hop / sample_rate / STEP_SECONDS
    path = smoothest_path(merits * step, octaves, shares > 0, jump_cost)[..., None]
    share = shares.gather(-1, path)[..., 0]
    voicing = (0.5 + 0.5 * (share - threshold) / VOICING_RAMP).clamp(0.0, 1.0)
    return f0_min * 2 ** bridge(octaves.gather(-1, path)[..., 0], voicing > 0.5), voicing


def window_size(sample_rate: float, f0_min: float) -> int:
    """Return how many samples a frame looks at: an even number, three periods of `f0_min`."""
    return 2 * round(PERIODS * sample_rate / f0_min / 2)


def _candidates(
    x: Tensor,
    sample_rate: float,
    hop: int,
    *,
    f0_min: float,
    f0_max: float,
    octave_cost: float,
    silence_db: float,
) -> tuple[Tensor, Tensor]:
    """Return pitches in Hz and their periodic shares, [B,N,K]; a share of 0 is no candidate."""
    size = window_size(sample_rate, f0_min)
    fft = _power_of_two(size + 1.1 * sample_rate / f0_min)
    fine = _power_of_two(LAG_RATE_HZ * fft / sample_rate)
    rate = sample_rate * fine / fft
    lags = math.ceil(1.1 * rate / f0_min)

    window = torch.hann_window(size, device=x.device)
    bins_hz = torch.arange(fft // 2 + 1, device=x.device) * (sample_rate / fft)
    fade = ((BAND_HZ[1] - bins_hz) / (BAND_HZ[1] - BAND_HZ[0])).clamp(0.0, 1.0)
    band = 0.5 - 0.5 * torch.cos(math.pi * fade)
    taper = _autocorrelation(window, fft, fine, torch.ones_like(band))[:lags]
    floor = 10 ** (silence_db / 10) * 0.5 * taper[0]
    lag = torch.arange(lags, device=x.device)
    cost = octave_cost * torch.log2(lag.clamp_min(1) * (f0_max / rate))
    cost[(lag < 0.95 * rate / f0_max) | (lag > 1.05 * rate / f0_min)] = torch.inf

    pitches, shares = [], []
    for frames in _chunks(x, size, hop):
        level = frames - (frames @ window / window.sum())[..., None]
        r = _autocorrelation(level * window, fft, fine, band)[..., :lags]
        r = r / ((r[..., :1] + floor) * (taper / taper[0]))
        period, share = _peaks(r, cost)
        pitch = rate / _refine(r, period)
        exists = (share > 0) & (pitch > f0_min / EDGE) & (pitch < f0_max * EDGE)
        pitches.append(torch.where(exists, pitch, f0_min).clamp(f0_min, f0_max))
        shares.append(torch.where(exists, share, 0.0))
    return torch.cat(pitches, 1), torch.cat(shares, 1)


def _power_of_two(least: float) -> int:
    return 1 << math.ceil(math.log2(least))


def _chunks(x: Tensor, size: int, hop: int) -> Iterator[Tensor]:
    """Yield frames centred on n * hop as far as they lie within the signal, some at a time."""
    padded = F.pad(x, (0, max(size - x.shape[-1], 0)))
    centres = torch.arange(x.shape[-1] // hop + 1, device=x.device) * hop
    starts = (centres - size // 2).clamp(0, padded.shape[-1] - size)
    windows = padded.unfold(-1, size, 1)
    for chunk in starts.split(max(1, CHUNK_FRAMES // x.shape[0])):
        yield windows[:, chunk]


def _autocorrelation(x: Tensor, fft: int, fine: int, band: Tensor) -> Tensor:
    """Return the autocorrelation of a band, its lags fine / fft times as dense as the samples."""
    spectrum: Tensor = torch.fft.rfft(x, fft)
    power = spectrum.real.square() + spectrum.imag.square()
    correlation: Tensor = torch.fft.irfft(power * band, fine)
    return correlation


def _peaks(r: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
    """Return lag and height of the peaks that are highest after `cost`; height 0: there is none.

    A peak counts as far as it rises above the lowest value before it. The ripple that noise leaves
    on the slope beside lag 0 is high, but no pitch.
    """
    height = torch.minimum(r, r - r.cummin(-1).values)
    middle = r[..., 1:-1]
    summit = (middle > r[..., :-2]) & (middle >= r[..., 2:])
    merit = torch.where(summit, height[..., 1:-1] - cost[1:-1], -torch.inf)
    best, index = merit.topk(CANDIDATES)
    index = index + 1
    left, here, right = _around(r, index)
    offset = 0.5 * (left - right) / (left - 2 * here + right).clamp_max(-1e-9)
    return index + offset.clamp(-0.5, 0.5), height.gather(-1, index) * (best > -torch.inf)


def _refine(r: Tensor, period: Tensor) -> Tensor:
    """Refine periods by their multiples: m periods together measure one m times as precisely.

    Two Newton steps towards the largest sum of r at the multiples, each r taken for the parabola
    through its three nearest lags, up to the first that does not bend like a peak.
    """
    m = torch.arange(1, MULTIPLES + 1, device=r.device)
    for _ in range(2):
        place = period[..., None] * m
        index = place.round().clamp(1, r.shape[-1] - 2).long()
        left, here, right = _around(r, index)
        bend = left - 2 * here + right
        slope = 0.5 * (right - left) + bend * (place - index)
        sound = (place < r.shape[-1] - 2) & (bend < 0)
        weight = m * sound.to(r.dtype).cumprod(-1)
        step = (weight * slope).sum(-1) / (weight * m * bend).sum(-1).clamp_max(-1e-9)
        period = period - step.clamp(-1.0, 1.0)
    return period


def _around(r: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return r before, at and after each index; index [B,N,...] points into r [B,N,L]."""
    flat = index.flatten(2)
    left, here, right = (r.gather(-1, flat + step).view_as(index) for step in (-1, 0, 1))
    return left, here, right


def bridge(values: Tensor, known: Tensor) -> Tensor:
    """Interpolate linearly where a value is not known; hold the ends; zero if nothing is known.

    Shape: values, known (bool) [B,N] -> [B,N].
    """
    last = values.shape[-1] - 1
    n = torch.arange(last + 1, device=values.device)
    before = torch.where(known, n, -1).cummax(-1).values
    after = last - torch.where(known, last - n, -1).flip(-1).cummax(-1).values.flip(-1)
    left = values.gather(-1, torch.where(before < 0, after, before).clamp(0, last))
    right = values.gather(-1, torch.where(after > last, before, after).clamp(0, last))
    weight = (n - before) / (after - before).clamp_min(1)
    return torch.where(known.any(-1, keepdim=True), torch.lerp(left, right, weight), 0.0)
