"""A phase that does not drift, and a bank of harmonic sines in O(T + N*K) memory."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import linear, ramp

HZ_BITS = 24
CYCLE_BITS = 46
CPU_BLOCK = 1 << 18
"""Sines held at a time: 1 MB stays in a core's cache; a GPU wants few large kernels instead."""
GPU_BLOCK = 1 << 25


@full_precision
def phase_cycles(f0_hz: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Accumulate frequency to phase, in cycles wrapped to [-1/2, 1/2).

    The frequency is linear between frames; the phase of a sample sums all samples before it, so
    the first is 0. Sums are integers: exact for float32 frequencies from 1/2 Hz to 64 kHz over 16
    hours, and a phase is rounded once, when it becomes a float (1.5e-8 cycle).

    Shape: f0_hz [B,N] -> [B,(N-1)*hop].
    """
    phase: Tensor = _Phase.apply(f0_hz, hop, sample_rate)
    return phase


@full_precision
def harmonic_bank(f0_hz: Tensor, amplitudes: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Sum the sines at k * f0_hz, k = 1..K, with amplitudes linear between frames.

    A harmonic is silent at every sample where its frequency reaches half the sample rate.
    Differentiable once, in both inputs; the sines are recomputed in backward.

    Shape: f0_hz [B,N] positive, amplitudes [B,N,K] -> [B,(N-1)*hop].
    """
    phase = phase_cycles(f0_hz, hop, sample_rate).view(-1, hop)
    f0 = linear(f0_hz.detach()[..., None], hop).view(-1, hop)
    ends = torch.stack([amplitudes[:, :-1], amplitudes[:, 1:]], dim=2).flatten(0, 1)
    signal: Tensor = _Bank.apply(phase, f0, ends, sample_rate / 2)
    return signal.view(len(f0_hz), -1)


class _Phase(torch.autograd.Function):
    """With f, g the frequencies at a frame and at the next one, sample j of the hop has the phase

    c(j) = c(0) + (j f + (g - f) j (j - 1) / (2 hop)) / sample_rate.
    """

    @staticmethod
    def forward(ctx: Any, f0_hz: Tensor, hop: int, sample_rate: int) -> Tensor:
        ctx.hop, ctx.sample_rate = hop, sample_rate
        j = torch.arange(hop, device=f0_hz.device)
        f0 = (f0_hz * 2.0**HZ_BITS).round().long()
        f, rise = f0[:, :-1], f0.diff()
        # A whole hop is (2 hop f + (hop - 1) rise) / 2 / sample_rate cycles.
        cycle = 2 * sample_rate << HZ_BITS
        hops = (2 * hop * f + (hop - 1) * rise) % cycle
        start = (hops.cumsum(1) - hops) % cycle
        scale = CYCLE_BITS - HZ_BITS
        start = (start << (scale - 1)) // sample_rate
        step = (f << scale) // sample_rate
        bend = (rise << scale) // (2 * hop * sample_rate)
        phase = start[..., None] + step[..., None] * j + bend[..., None] * (j * (j - 1))
        half = 1 << (CYCLE_BITS - 1)
        wrapped = ((phase + half) & (2 * half - 1)) - half
        return (wrapped.to(f0_hz.dtype) * 2.0**-CYCLE_BITS).flatten(1)

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hop = ctx.hop
        j = torch.arange(hop, device=grad.device).to(grad.dtype)
        of_later = j * (j - 1) / (2 * hop)
        weights = torch.stack([torch.ones_like(j), j - of_later, of_later], dim=1)
        whole, earlier, later = (grad.unflatten(1, (-1, hop)) @ weights).unbind(-1)
        after = whole.flip(1).cumsum(1).flip(1) - whole
        earlier = earlier + after * ((hop + 1) / 2)
        later = later + after * ((hop - 1) / 2)
        f0 = torch.nn.functional.pad(earlier, (0, 1)) + torch.nn.functional.pad(later, (1, 0))
        return f0 / ctx.sample_rate, None, None


class _Bank(torch.autograd.Function):
    """Each hop is amplitudes at its two ends [2,K] times sines [K,hop], blended by the ramp."""

    @staticmethod
    def forward(ctx: Any, phase: Tensor, f0: Tensor, ends: Tensor, nyquist: float) -> Tensor:
        ctx.save_for_backward(phase, f0, ends)
        ctx.nyquist = nyquist
        return _blend(torch.sin_, phase, f0, ends, nyquist)

    @staticmethod
    @once_differentiable
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        phase, f0, ends = ctx.saved_tensors
        harmonics = ends.shape[-1]
        of_phase = of_ends = None
        if ctx.needs_input_grad[0]:
            slopes = ends * (2.0 * math.pi * torch.arange(1, harmonics + 1, device=ends.device))
            of_phase = grad * _blend(torch.cos_, phase, f0, slopes, ctx.nyquist)
        if ctx.needs_input_grad[2]:
            blend = ramp(grad.shape[-1], grad)
            shares = torch.stack([grad * (1.0 - blend), grad * blend], dim=1)
            of_ends = torch.zeros_like(ends)
            for rows, sines in _waves(torch.sin_, phase, f0, harmonics, ctx.nyquist):
                torch.bmm(shares[rows], sines.mT, out=of_ends[rows, :, : sines.shape[1]])
        return of_phase, None, of_ends, None


def _blend(
    wave: Callable[[Tensor], Tensor], phase: Tensor, f0: Tensor, ends: Tensor, nyquist: float
) -> Tensor:
    signal, blend = torch.empty_like(phase), ramp(phase.shape[-1], phase)
    for rows, waves in _waves(wave, phase, f0, ends.shape[-1], nyquist):
        sums = torch.bmm(ends[rows, :, : waves.shape[1]], waves)
        torch.lerp(sums[:, 0], sums[:, 1], blend, out=signal[rows])
    return signal


def _waves(
    wave: Callable[[Tensor], Tensor], phase: Tensor, f0: Tensor, harmonics: int, nyquist: float
) -> Iterator[tuple[slice, Tensor]]:
    """Yield blocks of hops and their masked sines or cosines [hops,k,hop].

    On the CPU, where looking at a value stalls nothing, harmonics that a whole block has above
    Nyquist are left out, and those that it has below are not masked.
    """
    on_cpu = phase.device.type == "cpu"
    size = max(1, (CPU_BLOCK if on_cpu else GPU_BLOCK) // (harmonics * phase.shape[-1]))
    k = torch.arange(1, harmonics + 1, device=phase.device)[:, None]
    for start in range(0, len(phase), size):
        rows = slice(start, start + size)
        below, top = 0, harmonics
        if on_cpu:
            lowest, highest = (x.item() for x in f0[rows].aminmax())
            below = min(harmonics, max(0, int(nyquist / highest) - 1))
            top = min(harmonics, int(nyquist / lowest) + 1)
        waves = wave(phase[rows, None] * (2.0 * math.pi * k[:top]))
        if below < top:
            waves[:, below:] *= k[below:top] * f0[rows, None] < nyquist
        yield rows, waves
