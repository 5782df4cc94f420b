"""How loud the harmonics of a sound are, given its pitch."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ddspcore.dsp.harmonics import angles
from ddspcore.dsp.oscillators import integer_phase
from ddspcore.dsp.precision import full_precision

BLOCK = 1 << 16
"""Samples heard at a time, each once for every window that it is in."""
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
    by_hop = x[:, : (f0_hz.shape[1] - 1) * hop].unflatten(1, (-1, hop))
    # every second multiple of half the pitch is a harmonic, the others lie between
    phases = integer_phase(f0_hz / 2, hop, sample_rate)
    some = max(1, BLOCK // (len(x) * hop * hops))
    power = torch.cat(
        [
            _power(
                by_hop[:, start : start + some + hops - 1],
                phases[:, start : start + some + hops - 1],
                window.unflatten(0, (hops, hop)),
                2 * partials + 1,
            )
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


def _power(x: Tensor, phases: Tensor, window: Tensor, multiples: int) -> Tensor:
    """Return |sum of window x exp(-i m phase)| squared for m = 1, 2, ...; windows a hop apart.

    With m = a + A b, a hop's sum is a product of two matrices, one of exp(-i a phase) and one of
    x exp(-i A b phase): there are few angles, and a hop's serve each window that it is in.

    Shape: x and phases [B,n+H-1,hop], window [H,hop] -> [B,n,multiples].
    """
    hops = len(window)
    small = math.ceil(math.sqrt(multiples + 1))
    number = torch.arange(small + 1, device=x.device, dtype=torch.int32)[:, None]
    left = _cosine_sine(phases, number[:small], x.dtype)
    right = _cosine_sine(phases, small * number[: multiples // small + 1], x.dtype)
    heard = (x[:, :, None] * window)[:, :, None, None]
    products = left.flatten(2, 3) @ (right[:, :, :, :, None] * heard).flatten(2, 4).mT
    cosine, sine = products.unflatten(3, (2, -1, hops)).unflatten(2, (2, small)).unbind(2)
    real = _windows(cosine[:, :, :, 0] - sine[:, :, :, 1], hops)
    imaginary = _windows(cosine[:, :, :, 1] + sine[:, :, :, 0], hops)
    power = real.square() + imaginary.square()
    return power.mT.flatten(2)[..., 1 : multiples + 1]


def _cosine_sine(phases: Tensor, multiple: Tensor, dtype: torch.dtype) -> Tensor:
    """Return cosines and sines of m phase. Shape: [B,n,hop], [J,1] -> [B,n,2,J,hop]."""
    turned = angles(phases[:, :, None] * multiple, dtype)
    return torch.stack([turned.cos(), turned.sin()], dim=2)


def _windows(parts: Tensor, hops: int) -> Tensor:
    """Sum what hops are in each window that they are in. Shape: [B,n+H-1,...,H] -> [B,n,...]."""
    count = parts.shape[1] - hops + 1
    first, *others = (parts[:, hop : hop + count, ..., hop] for hop in range(hops))
    return sum(others, first)


def effective_number(weights: Tensor) -> Tensor:
    """Return exp of the entropy of weights divided by their sum: K equal ones count as K.

    0 where all are 0. Shape: [...,K], not negative -> [...].
    """
    total = weights.sum(-1, keepdim=True)
    shares = weights / total.clamp(min=torch.finfo(weights.dtype).tiny)
    number: Tensor = torch.special.entr(shares).sum(-1).exp()
    return number * (total[..., 0] > 0)
