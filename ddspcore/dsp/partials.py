"""How loud the harmonics of a sound are, given its pitch."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ddspcore.dsp.oscillators import integer_phase
from ddspcore.dsp.precision import full_precision

BLOCK = 1 << 21
"""Angles held at a time."""
PHASE = 2.0 * math.pi * 2.0**-32
NEIGHBOURS = 6
"""The floor under a harmonic is the mean power of so many points, three to either side."""


def window_in_hops(hop: int, sample_rate: float) -> int:
    """Return how many hops a window of about 64 ms has: an even number."""
    return 2 * max(1, round(0.032 * sample_rate / hop))


@full_precision
def partial_amplitudes(
    x: Tensor, f0_hz: Tensor, partials: int, hop: int, sample_rate: int
) -> Tensor:
    """Measure the amplitudes of the harmonics of a sound at the multiples of its pitch.

    Under a Hann window of about 64 ms the sound is multiplied by exp(-i k phase) and summed, with
    the phase of the moving pitch, so that vibrato does not smear the upper harmonics. What lies
    halfway between harmonics is noise: its mean power nearby is subtracted. Harmonics that lie
    nearer than 62 Hz to each other leak into that. Above half the sample rate amplitudes are 0.

    Only frames whose window lies within the sound are measured: the first is the pitch's frame
    number `window_in_hops(...) / 2`, and M are left. M is 0 if the sound is shorter than a window.

    Shape: x [B,T], f0_hz [B,N] positive with T >= (N-1)*hop -> [B,M,partials].
    """
    hops = window_in_hops(hop, sample_rate)
    count = max(0, f0_hz.shape[1] - hops)
    middle = f0_hz[:, hops // 2 :][:, :count, None]
    if not count:
        return x.new_zeros(len(x), 0, partials)
    window = torch.hann_window(hops * hop, device=x.device, dtype=x.dtype)
    frames = x[:, : (f0_hz.shape[1] - 1) * hop].unfold(-1, hops * hop, hop) * window
    # every second multiple of half the pitch is a harmonic, the others lie between
    phases = integer_phase(f0_hz / 2, hop, sample_rate).flatten(1).unfold(-1, hops * hop, hop)
    multiple = torch.arange(1, 2 * partials + 2, device=x.device, dtype=torch.int32)
    some = max(1, BLOCK // (len(x) * hops * hop * len(multiple)))
    power = torch.cat(
        [
            _power(frames[:, start : start + some], phases[:, start : start + some], multiple)
            for start in range(0, count, some)
        ],
        dim=1,
    )
    at, between = power[..., 1::2], power[..., 0::2]
    reach = NEIGHBOURS // 2 - 1
    held = F.pad(between, (reach, reach), mode="replicate")
    floor = held.unfold(-1, NEIGHBOURS, 1).mean(-1)
    amplitudes = (at - floor).clamp(min=0.0).sqrt() * (2.0 / window.sum())
    number = torch.arange(1, partials + 1, device=x.device)
    return amplitudes * (number * middle < sample_rate / 2)


def _power(frames: Tensor, phases: Tensor, multiple: Tensor) -> Tensor:
    """Return |sum of x exp(-i m phase)| squared. Shape: [B,n,L], [B,n,L], [J] -> [B,n,J]."""
    angles = (phases[:, :, None] * multiple[:, None]).to(frames.dtype) * PHASE
    real = (angles.cos() @ frames[..., None])[..., 0]
    imaginary = (angles.sin() @ frames[..., None])[..., 0]
    return real.square() + imaginary.square()


def effective_number(weights: Tensor) -> Tensor:
    """Return exp of the entropy of weights divided by their sum: K equal ones count as K.

    0 where all are 0. Shape: [...,K], not negative -> [...].
    """
    total = weights.sum(-1, keepdim=True)
    shares = weights / total.clamp(min=torch.finfo(weights.dtype).tiny)
    number: Tensor = torch.special.entr(shares).sum(-1).exp()
    return number * (total[..., 0] > 0)
