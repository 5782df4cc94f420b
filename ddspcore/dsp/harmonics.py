"""Sums of the harmonics of a phase, a block of hops at a time.

A hop is amplitudes at its two ends [2,K] times sines [K,hop], blended by a ramp. k times an integer
phase wraps by itself, so an angle is as exact for a harmonic as for the fundamental.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ddspcore.dsp.upsampling import ramp

CYCLE_BITS = 32
"""A phase is an int32: a whole cycle is 2**32."""
CPU_BLOCK = 1 << 21
"""Sines summed at a time: what they are made from stays in a core's cache."""
GPU_BLOCK = 1 << 23
"""A GPU wants few large kernels instead, and holds every sine of a block."""
CPU_FEW = 1 << 16
"""Sines that a CPU evaluates one by one: in a hop or two, as a stream brings, calls cost more."""
STRIDE = 6
"""Harmonics from one large step to the next, which small steps fill."""


class Steps:
    """Harmonics 1 to `count`, none of which is ever held: large steps times small steps.

    With k = 6 m + r, exp(i k x) = exp(i 6 m x) exp(i r x). Amplitudes times large steps, summed
    over m, are one matrix product; what is left is to multiply by a few small steps. Both kinds
    take one sine and cosine a sample and go on from there by doubling.

    Shape: phase [H,hop] int32.
    """

    def __init__(self, phase: Tensor, count: int, dtype: torch.dtype):
        self.count, self.hop = count, phase.shape[1]
        self.large = _as_rows(_powers(phase, STRIDE, count // STRIDE + 1, dtype))
        self.small = _powers(phase, -1, STRIDE, dtype)  # conjugates

    def sines(self, ends: Tensor) -> Tensor:
        """Sum sines. Shape: ends [H,2,count] -> [H,hop]."""
        return self._sum(ends, self.small * 1j)

    def cosines(self, ends: Tensor) -> Tensor:
        """Sum cosines. Shape: ends [H,2,count] -> [H,hop]."""
        return self._sum(ends, self.small)

    def shares(self, grad: Tensor) -> Tensor:
        """Carry a gradient of `sines` back to the ends. Shape: [H,hop] -> [H,2,count]."""
        small = (self.small * 1j).transpose(0, 1)[:, None] * _shared(grad)[:, :, None]
        by_small = torch.view_as_real(small).reshape(len(grad), 2 * STRIDE, 2 * self.hop)
        by_step = torch.bmm(by_small, self.large.mT).unflatten(1, (2, STRIDE))
        of_ends: Tensor = by_step.mT.flatten(2)
        return of_ends[:, :, 1 : self.count + 1]

    def _sum(self, ends: Tensor, conjugates: Tensor) -> Tensor:
        steps = self.large.shape[1]
        padded = F.pad(ends, (1, steps * STRIDE - self.count - 1))
        by_small = padded.unflatten(2, (steps, STRIDE)).mT.flatten(1, 2)
        first, last = torch.bmm(by_small, self.large).unflatten(1, (2, STRIDE)).unbind(1)
        sums = torch.lerp(first, last, ramp(self.hop, ends).repeat_interleave(2))
        parts = sums.mul_(_as_rows(conjugates)).sum(1)
        return parts[:, 0::2] + parts[:, 1::2]


class Waves:
    """Harmonics `first` to `last`, each silent at every sample where it reaches Nyquist.

    Shape: phase [H,hop] int32, f0_hz [H,hop].
    """

    def __init__(self, phase: Tensor, f0_hz: Tensor, first: int, last: int, nyquist: float):
        k = torch.arange(first, last + 1, device=phase.device, dtype=phase.dtype)[:, None]
        self.angles = _angles(phase[:, None] * k, f0_hz.dtype)
        self.audible = k * f0_hz[:, None] < nyquist

    def sines(self, ends: Tensor) -> Tensor:
        """Sum sines. Shape: ends [H,2,k] -> [H,hop]."""
        return self._sum(ends, self.angles.sin())

    def cosines(self, ends: Tensor) -> Tensor:
        """Sum cosines. Shape: ends [H,2,k] -> [H,hop]."""
        return self._sum(ends, self.angles.cos())

    def shares(self, grad: Tensor) -> Tensor:
        """Carry a gradient of `sines` back to the ends. Shape: [H,hop] -> [H,2,k]."""
        return torch.bmm(_shared(grad), self.angles.sin().mul_(self.audible).mT)

    def _sum(self, ends: Tensor, waves: Tensor) -> Tensor:
        first, last = torch.bmm(ends, waves.mul_(self.audible)).unbind(1)
        return torch.lerp(first, last, ramp(waves.shape[2], ends))


def blocks(
    phase: Tensor, f0_hz: Tensor, harmonics: int, nyquist: float
) -> Iterator[tuple[slice, slice, Steps | Waves]]:
    """Yield which hops, which harmonics of them, and these; what never sounds is left out.

    Shape: phase [H,hop] int32, f0_hz [H,hop].
    """
    on_cpu = phase.device.type == "cpu"
    if on_cpu and harmonics * phase.numel() <= CPU_FEW:
        yield slice(None), slice(None), Waves(phase, f0_hz, 1, harmonics, nyquist)
        return
    size = max(1, (CPU_BLOCK if on_cpu else GPU_BLOCK) // (harmonics * phase.shape[1]))
    for start in range(0, len(phase), size):
        rows = slice(start, start + size)
        # Looking at a value stalls a GPU: there, every harmonic may be on either side.
        always, ever = _reach(f0_hz[rows], harmonics, nyquist) if on_cpu else (0, harmonics)
        if always > 0:
            yield rows, slice(0, always), Steps(phase[rows], always, f0_hz.dtype)
        if ever > always:
            waves = Waves(phase[rows], f0_hz[rows], always + 1, ever, nyquist)
            yield rows, slice(always, ever), waves


def _reach(f0_hz: Tensor, harmonics: int, nyquist: float) -> tuple[int, int]:
    """Return how many harmonics are below Nyquist all along, and how many are at any time."""
    k = torch.arange(1, harmonics + 1)[:, None]
    always, ever = (k * torch.stack(f0_hz.aminmax()).flip(0) < nyquist).sum(0).tolist()
    return always, ever


def _angles(phase: Tensor, dtype: torch.dtype) -> Tensor:
    return phase.to(dtype).mul_(2.0 * math.pi * 2.0**-CYCLE_BITS)


def _powers(phase: Tensor, step: int, count: int, dtype: torch.dtype) -> Tensor:
    """Return exp(i j step x) for j = 0, 1, ... Shape: [H,hop] -> [count,H,hop] complex."""
    angles = _angles(phase * step, dtype)
    powers = torch.empty(count, *phase.shape, dtype=dtype.to_complex())
    powers[0] = 1.0
    if count > 1:
        powers[1] = torch.polar(torch.ones_like(angles), angles)
    known = 2
    while known < count:
        more = min(known - 1, count - known)
        torch.mul(powers[1 : more + 1], powers[known - 1], out=powers[known : known + more])
        known += more
    return powers


def _as_rows(waves: Tensor) -> Tensor:
    """Return the real view, real and imaginary parts in turn. Shape: [n,H,hop] -> [H,n,2*hop]."""
    return torch.view_as_real(waves).flatten(2).transpose(0, 1)


def _shared(grad: Tensor) -> Tensor:
    """Split a gradient among the ends of a hop. Shape: [H,hop] -> [H,2,hop]."""
    blend = ramp(grad.shape[1], grad)
    return grad[:, None] * torch.stack([1.0 - blend, blend])
