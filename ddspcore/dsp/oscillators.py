"""A phase that does not drift, and a bank of harmonic sines in O(T + N*K) memory."""

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.harmonics import CYCLE_BITS, Steps, Waves, blocks
from ddspcore.dsp.precision import full_precision

HZ_BITS = 24
"""A float32 frequency of at least 1/2 Hz is a whole number of 2**-24 Hz."""
GUARD_BITS = 13
"""Bits below a 32-bit phase while a hop is summed; at 192 kHz the sums fill 63 bits."""


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
    Differentiable once, in f0_hz and amplitudes; the sines of all but a short signal are computed
    again in backward.

    Shape: f0_hz [B,N] positive, amplitudes [B,N,K], start [B] -> [B,(N-1)*hop].
    """
    signal: Tensor = _Bank.apply(f0_hz, amplitudes, hop, sample_rate, start)
    return signal


def phase_after(f0_hz: Tensor, hop: int, sample_rate: int, start: Tensor | None = None) -> Tensor:
    """Return the phase of the sample that follows, in units of 2**-25 / sample_rate cycle: exact.

    Shape: f0_hz [B,N], start [B] int64 -> [B] int64.
    """
    hops, cycle = _hops(*_integer_f0(f0_hz), hop, sample_rate)
    first = 0 if start is None else start
    return (hops.sum(1) + first) % cycle


def integer_phase(f0_hz: Tensor, hop: int, sample_rate: int, start: Tensor | None = None) -> Tensor:
    """Return the phase in units of 2**-32 cycle, as int32: wrapping costs nothing, ever.

    With f and g the frequencies of a frame and the next, and c its phase, sample j of the hop is at

        c + (j f + (g - f) j (j - 1) / (2 hop)) / sample_rate.

    Shape: f0_hz [B,N], start [B] int64 -> [B,N-1,hop].
    """
    f, rise = _integer_f0(f0_hz)
    hops, cycle = _hops(f, rise, hop, sample_rate)
    begin = hops.cumsum(1) - hops
    if start is not None:
        begin = begin + start[:, None]
    scale = CYCLE_BITS + GUARD_BITS - HZ_BITS
    begin = (begin % cycle << (scale - 1)) // sample_rate
    step = (f << scale) // sample_rate
    bend = (rise << scale) // (2 * hop * sample_rate)
    j = torch.arange(hop, device=f0_hz.device)
    phase = step[..., None] * j
    phase += begin[..., None]
    phase += bend[..., None] * (j * (j - 1))
    phase >>= GUARD_BITS
    return phase.to(torch.int32)


def _integer_f0(f0_hz: Tensor) -> tuple[Tensor, Tensor]:
    """Return the frequencies of the frames but the last, and how much each rises to the next."""
    f0 = (f0_hz * 2.0**HZ_BITS).round().long()
    return f0[:, :-1], f0.diff()


def _hops(f: Tensor, rise: Tensor, hop: int, sample_rate: int) -> tuple[Tensor, int]:
    """Return how far the phase goes in each hop, and what a whole cycle is in the same units."""
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
    @staticmethod
    def forward(
        ctx: Any,
        f0_hz: Tensor,
        amplitudes: Tensor,
        hop: int,
        sample_rate: int,
        start: Tensor | None,
    ) -> Tensor:
        phase = integer_phase(f0_hz, hop, sample_rate, start)
        ctx.save_for_backward(f0_hz, amplitudes, phase)
        ctx.sample_rate = sample_rate
        lines = _lines(amplitudes)
        signal = torch.zeros_like(phase, dtype=amplitudes.dtype).flatten(0, 1)
        ctx.block = None
        for index, block in enumerate(_blocks(phase, f0_hz, lines, sample_rate)):
            rows, which, sum_of = block
            signal[rows] += sum_of.sines(lines[rows, :, which])
            ctx.block = block if index == 0 else None  # the only one of a short signal is kept
        return signal.view_as(phase).flatten(1)

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        f0_hz, amplitudes, phase = ctx.saved_tensors
        lines, grad = _lines(amplitudes), grad.reshape(-1, phase.shape[2])
        again = [ctx.block] if ctx.block else _blocks(phase, f0_hz, lines, ctx.sample_rate)
        k = torch.arange(1, lines.shape[-1] + 1, device=lines.device)
        of_phase = torch.zeros_like(grad) if ctx.needs_input_grad[0] else None
        of_lines = torch.zeros_like(lines) if ctx.needs_input_grad[1] else None
        for rows, which, sum_of in again:
            if of_phase is not None:
                slopes = lines[rows, :, which] * (2.0 * math.pi * k[which])
                of_phase[rows] += sum_of.cosines(slopes)
            if of_lines is not None:
                of_lines[rows, :, which] = sum_of.shares(grad[rows])
        of_f0 = of_amplitudes = None
        if of_phase is not None:
            of_f0 = phase_to_f0(of_phase.mul_(grad).view_as(phase), ctx.sample_rate)
        if of_lines is not None:
            of_start, of_rise = of_lines.unflatten(0, phase.shape[:2]).unbind(2)
            of_amplitudes = F.pad(of_start - of_rise, (0, 0, 0, 1))
            of_amplitudes[:, 1:] += of_rise
        return of_f0, of_amplitudes, None, None, None


def _lines(amplitudes: Tensor) -> Tensor:
    """Return what each hop's amplitudes start at, and their rise. Shape: [B,N,K] -> [H,2,K]."""
    return torch.stack((amplitudes[:, :-1], amplitudes.diff(dim=1)), dim=2).flatten(0, 1)


def _blocks(
    phase: Tensor, f0_hz: Tensor, lines: Tensor, sample_rate: int
) -> Iterator[tuple[slice, slice, Steps | Waves]]:
    f0_hz = torch.stack((f0_hz[:, :-1], f0_hz[:, 1:]), dim=2).flatten(0, 1)
    return blocks(phase.flatten(0, 1), f0_hz, lines.shape[2], sample_rate / 2)
