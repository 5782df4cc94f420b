"""A phase that does not drift, and a bank of harmonic sines in O(T + N*K) memory."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import linear, ramp

HZ_BITS = 24
"""A float32 frequency of at least 1/2 Hz is a whole number of 2**-24 Hz."""
CYCLE_BITS = 32
GUARD_BITS = 13
"""Bits below a 32-bit phase while a hop is summed; at 192 kHz the sums fill 63 bits."""
CPU_BLOCK = 1 << 18
"""Sines held at a time: 1 MB stays in a core's cache; a GPU wants few large kernels instead."""
GPU_BLOCK = 1 << 23


@full_precision
def phase_cycles(f0_hz: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Accumulate frequency to phase, in cycles wrapped to [-1/2, 1/2].

    The frequency is linear between frames; the phase of a sample sums all samples before it, so
    the first is 0. The sum is one of integers and never drifts: float32 frequencies from 1/2 Hz to
    64 kHz are summed exactly, and the result is rounded once (3e-8 cycle at most).

    Shape: f0_hz [B,N] -> [B,(N-1)*hop].
    """
    phase: Tensor = _Phase.apply(f0_hz, hop, sample_rate)
    return phase.flatten(1)


@full_precision
def harmonic_bank(
    f0_hz: Tensor, amplitudes: Tensor, hop: int, sample_rate: int, start: Tensor | None = None
) -> Tensor:
    """Sum the sines at k * f0_hz, k = 1..K, with amplitudes linear between frames.

    A harmonic is silent at every sample where its frequency reaches half the sample rate.
    `start` is the phase of the first sample as `phase_after` returns it, by default 0.
    Differentiable once, in f0_hz and amplitudes; the sines are recomputed in backward.

    Shape: f0_hz [B,N] positive, amplitudes [B,N,K], start [B] -> [B,(N-1)*hop].
    """
    ends = torch.stack([amplitudes[:, :-1], amplitudes[:, 1:]], dim=2).flatten(0, 1)
    signal: Tensor = _Bank.apply(f0_hz, ends, hop, sample_rate, start)
    return signal.view(len(f0_hz), -1)


def phase_after(f0_hz: Tensor, hop: int, sample_rate: int, start: Tensor | None = None) -> Tensor:
    """Return the phase of the sample that follows, in units of 2**-25 / sample_rate cycle: exact.

    Shape: f0_hz [B,N], start [B] int64 -> [B] int64.
    """
    hops, cycle = _hops(f0_hz, hop, sample_rate)
    first = 0 if start is None else start
    return (hops.sum(1) + first) % cycle


def integer_phase(f0_hz: Tensor, hop: int, sample_rate: int, start: Tensor | None = None) -> Tensor:
    """Return the phase in units of 2**-32 cycle, as int32: wrapping costs nothing, ever.

    With f and g the frequencies of a frame and the next, and c its phase, sample j of the hop is at

        c + (j f + (g - f) j (j - 1) / (2 hop)) / sample_rate.

    Shape: f0_hz [B,N], start [B] int64 -> [B,N-1,hop].
    """
    f, rise = _integer_f0(f0_hz)
    hops, cycle = _hops(f0_hz, hop, sample_rate)
    begin = hops.cumsum(1) - hops
    if start is not None:
        begin = begin + start[:, None]
    scale = CYCLE_BITS + GUARD_BITS - HZ_BITS
    begin = (begin % cycle << (scale - 1)) // sample_rate
    step = (f << scale) // sample_rate
    bend = (rise << scale) // (2 * hop * sample_rate)
    j = torch.arange(hop, device=f0_hz.device)
    phase = begin[..., None] + step[..., None] * j + bend[..., None] * (j * (j - 1))
    return (phase >> GUARD_BITS).to(torch.int32)


def _integer_f0(f0_hz: Tensor) -> tuple[Tensor, Tensor]:
    """Return the frequencies of the frames but the last, and how much each rises to the next."""
    f0 = (f0_hz * 2.0**HZ_BITS).round().long()
    return f0[:, :-1], f0.diff()


def _hops(f0_hz: Tensor, hop: int, sample_rate: int) -> tuple[Tensor, int]:
    """Return how far the phase goes in each hop, and what a whole cycle is in the same units."""
    f, rise = _integer_f0(f0_hz)
    cycle = 2 * sample_rate << HZ_BITS
    return (2 * hop * f + (hop - 1) * rise) % cycle, cycle


def phase_to_f0(grad: Tensor, sample_rate: int) -> Tensor:
    """Carry a gradient from phases in cycles [B,N-1,hop] back to frequencies in Hz [B,N]."""
    hop = grad.shape[-1]
    j = torch.arange(hop, device=grad.device).to(grad.dtype)
    of_later = j * (j - 1) / (2 * hop)
    weights = torch.stack([torch.ones_like(j), j - of_later, of_later], dim=1)
    whole, earlier, later = (grad @ weights).unbind(-1)
    after = whole.flip(1).cumsum(1).flip(1) - whole
    earlier = earlier + after * ((hop + 1) / 2)
    later = later + after * ((hop - 1) / 2)
    return (F.pad(earlier, (0, 1)) + F.pad(later, (1, 0))) / sample_rate


class _Phase(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, f0_hz: Tensor, hop: int, sample_rate: int) -> Tensor:
        ctx.sample_rate = sample_rate
        return integer_phase(f0_hz, hop, sample_rate).to(f0_hz.dtype) * 2.0**-CYCLE_BITS

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return phase_to_f0(grad, ctx.sample_rate), None, None


class _Bank(torch.autograd.Function):
    """Each hop is amplitudes at its two ends [2,K] times sines [K,hop], blended by the ramp."""

    @staticmethod
    def forward(
        ctx: Any, f0_hz: Tensor, ends: Tensor, hop: int, sample_rate: int, start: Tensor | None
    ) -> Tensor:
        phase = integer_phase(f0_hz, hop, sample_rate, start)
        f0 = linear(f0_hz[..., None], hop).view_as(phase)
        ctx.save_for_backward(phase, f0, ends)
        ctx.sample_rate = sample_rate
        return _blend(torch.sin_, phase, f0, ends, sample_rate)

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        phase, f0, ends = ctx.saved_tensors
        harmonics, hop = ends.shape[-1], phase.shape[-1]
        of_f0 = of_ends = None
        if ctx.needs_input_grad[0]:
            slopes = ends * (2.0 * math.pi * _numbers(harmonics, ends))
            of_phase = _blend(torch.cos_, phase, f0, slopes, ctx.sample_rate) * grad
            of_f0 = phase_to_f0(of_phase.view_as(phase), ctx.sample_rate)
        if ctx.needs_input_grad[1]:
            grad, blend = grad.view(-1, 1, hop), ramp(hop, grad)
            shares = grad * torch.stack([1.0 - blend, blend])
            of_ends = torch.zeros_like(ends)
            for rows, sines in _waves(torch.sin_, phase, f0, harmonics, ctx.sample_rate):
                torch.bmm(shares[rows], sines.mT, out=of_ends[rows, :, : sines.shape[1]])
        return of_f0, of_ends, None, None, None


def _blend(
    wave: Callable[[Tensor], Tensor], phase: Tensor, f0: Tensor, ends: Tensor, sample_rate: int
) -> Tensor:
    hop = phase.shape[-1]
    signal, blend = f0.new_empty(len(ends), hop), ramp(hop, f0)
    for rows, waves in _waves(wave, phase, f0, ends.shape[-1], sample_rate):
        sums = torch.bmm(ends[rows, :, : waves.shape[1]], waves)
        torch.lerp(sums[:, 0], sums[:, 1], blend, out=signal[rows])
    return signal


def _waves(
    wave: Callable[[Tensor], Tensor], phase: Tensor, f0: Tensor, harmonics: int, sample_rate: int
) -> Iterator[tuple[slice, Tensor]]:
    """Yield blocks of hops and their masked sines or cosines [hops,k,hop], in place of each other.

    k times an integer phase wraps by itself, so a harmonic is as exact as the fundamental.
    Harmonics that a whole block has above Nyquist are left out.
    """
    phase, f0 = phase.flatten(0, 1)[:, None], f0.flatten(0, 1)[:, None]
    block = CPU_BLOCK if phase.device.type == "cpu" else GPU_BLOCK
    size = max(1, block // (harmonics * phase.shape[-1]))
    k = _numbers(harmonics, phase)[:, None]
    shape = (min(size, len(phase)), harmonics, phase.shape[-1])
    turns, angles = phase.new_empty(shape), f0.new_empty(shape)
    for start in range(0, len(phase), size):
        rows = slice(start, start + size)
        count = len(phase[rows])
        below, top = _reach(f0[rows], harmonics, sample_rate / 2)
        turn, waves = turns[:count, :top], angles[:count, :top]
        torch.mul(phase[rows], k[:top], out=turn)
        wave(waves.copy_(turn).mul_(2.0 * math.pi * 2.0**-CYCLE_BITS))
        if below < top:
            waves[:, below:] *= k[below:top] * f0[rows] < sample_rate / 2
        yield rows, waves


def _numbers(harmonics: int, like: Tensor) -> Tensor:
    return torch.arange(1, harmonics + 1, device=like.device, dtype=like.dtype)


def _reach(f0: Tensor, harmonics: int, nyquist: float) -> tuple[int, int]:
    """Return how many harmonics are below Nyquist all along, and how many are at any time.

    Looking at a value stalls a GPU: there, every harmonic may be on either side.
    """
    if f0.device.type != "cpu":
        return 0, harmonics
    lowest, highest = (x.item() for x in f0.aminmax())
    below, top = int(nyquist / highest) - 1, int(nyquist / lowest) + 1
    return min(max(below, 0), harmonics), min(top, harmonics)
