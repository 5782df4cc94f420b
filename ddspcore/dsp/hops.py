"""One hop of a tone, from a frame to the next.

A hop is so little arithmetic that it costs what its operations cost to call. Hence what there is to
know of a pitch is worked out on the host: phases in integers, which are exact, and how many
harmonics sound.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddspcore.dsp.harmonics import CYCLE_BITS, angles
from ddspcore.dsp.oscillators import GUARD_BITS, HZ_BITS
from ddspcore.dsp.upsampling import ramp

Pair = tuple[float, float]
"""A frequency in Hz, a float32, at the first frame and at the last."""
HarmonicHop = Callable[[Sequence[Pair], Tensor, int, int, Sequence[int]], Tensor]
"""The arguments of `harmonic_hop`, and what it returns."""
Share = Callable[[Sequence[float], Tensor, Tensor, Tensor, int], None]
"""The arguments of `share`."""
ROUNDING = 1e-6
"""How much an interpolated frequency may be off, relatively."""


def harmonic_hop(
    f0_hz: Sequence[Pair], amplitudes: Tensor, hop: int, sample_rate: int, start: Sequence[int]
) -> Tensor:
    """Sum harmonic sines between two frames, as `oscillators.harmonic_bank`; without a gradient.

    Shape: f0_hz [B], amplitudes [B,2,K], start [B] -> [B,hop].
    """
    device, nyquist = amplitudes.device, sample_rate / 2
    harmonics, lowest, highest = amplitudes.shape[2], min(map(min, f0_hz)), max(map(max, f0_hz))
    ever = _below(nyquist * (1 + ROUNDING), lowest, harmonics)
    always = _below(nyquist * (1 - ROUNDING), highest, harmonics)
    k, blend = _multiples(ever, device), ramp(hop, amplitudes)
    phase = torch.from_numpy(integer_phases(f0_hz, hop, sample_rate, start)).to(device)
    waves = angles(phase[:, None] * k, amplitudes.dtype).sin_()
    if ever > always:
        first, last = torch.tensor(f0_hz, device=device).unsqueeze(-1).unbind(1)
        waves[:, always:] *= k[always:] * torch.lerp(first, last, blend)[:, None] < nyquist
    earlier, later = torch.bmm(amplitudes[..., :ever], waves).unbind(1)
    return torch.lerp(earlier, later, blend)


def share(
    f0_hz: Sequence[float], amplitude: Tensor, distribution: Tensor, ends: Tensor, sample_rate: int
) -> None:
    """Share the amplitude of a new frame among its harmonics below Nyquist.

    Nothing left is silence. `ends` are the amplitudes of the last two frames; this changes them.

    Shape: f0_hz [B], amplitude [B,1], distribution [B,K], ends [B,2,K].
    """
    earlier, later = ends.unbind(1)
    earlier.copy_(later)
    multiples = np.arange(1, ends.shape[2] + 1, dtype=np.float32)
    audible = multiples * np.array(f0_hz, dtype=np.float32)[:, None] < sample_rate / 2
    torch.mul(distribution, torch.from_numpy(audible).to(ends.device), out=later)
    total = later.sum(-1, keepdim=True).clamp_(min=torch.finfo(ends.dtype).tiny)
    later.mul_(torch.div(amplitude, total, out=total))


def integer_phases(
    f0_hz: Sequence[Pair], hop: int, sample_rate: int, start: Sequence[int]
) -> NDArray[np.int32]:
    """Return phases in units of 2**-32 cycle, as `oscillators.integer_phase`. Shape: [B,hop]."""
    j, bent = _curve(hop)
    scale = CYCLE_BITS + GUARD_BITS - HZ_BITS
    phases = np.empty((len(f0_hz), hop), dtype=np.int32)
    for phase, pair, first in zip(phases, f0_hz, start, strict=True):
        f, g = map(_integer, pair)
        begin = (first << (scale - 1)) // sample_rate
        step = (f << scale) // sample_rate
        bend = (g - f << scale) // (2 * hop * sample_rate)
        phase[:] = begin + step * j + bend * bent >> GUARD_BITS
    return phases


def phases_after(
    f0_hz: Sequence[Pair], hop: int, sample_rate: int, start: Sequence[int]
) -> list[int]:
    """Return the phases that follow a hop, as `oscillators.phase_after`."""
    cycle = 2 * sample_rate << HZ_BITS
    return [
        (first + (hop + 1) * _integer(f) + (hop - 1) * _integer(g)) % cycle
        for (f, g), first in zip(f0_hz, start, strict=True)
    ]


def _below(limit_hz: float, f0_hz: float, harmonics: int) -> int:
    """Count the harmonics that are not above a limit; all of them, where there is no pitch."""
    return int(min(harmonics, limit_hz / f0_hz)) if f0_hz > 0.0 else harmonics


def _integer(hz: float) -> int:
    return round(hz * 2.0**HZ_BITS)


@functools.lru_cache(maxsize=32)
def _curve(hop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    j = np.arange(hop)
    return j, j * (j - 1)


@functools.lru_cache(maxsize=1024)
def _multiples(count: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.arange(1, count + 1, device=device, dtype=torch.int32)[:, None]
