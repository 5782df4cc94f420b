"""Sums of the harmonics of a phase, a block of hops at a time.

A hop is sines [K,hop] under amplitudes that go along a line: where they start, and how much they
rise until the next hop [2,K]. k times an integer phase wraps by itself, so an angle is as exact for
a harmonic as for the fundamental.
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
        self.count = count
        self.large = _real(_powers(phase * STRIDE, count // STRIDE + 1, dtype))
        self.small = _powers(phase, STRIDE, dtype)

    def sines(self, lines: Tensor) -> Tensor:
        """Sum sines. Shape: lines [H,2,count] -> [H,hop]."""
        return self._sum(lines).imag

    def cosines(self, lines: Tensor) -> Tensor:
        """Sum cosines. Shape: lines [H,2,count] -> [H,hop]."""
        return self._sum(lines).real

    def shares(self, grad: Tensor) -> Tensor:
        """Carry a gradient of `sines` back to the lines. Shape: [H,hop] -> [H,2,count]."""
        # The imaginary part of a product is the real scalar product with i times the conjugate.
        turned = self.small.conj()[:, None] * (1j * _shared(grad))[:, :, None]
        by_step = torch.bmm(_real(turned.flatten(1, 2)), self.large.mT).unflatten(1, (2, STRIDE))
        of_lines: Tensor = by_step.mT.flatten(2)
        return of_lines[:, :, 1 : self.count + 1]

    def _sum(self, lines: Tensor) -> Tensor:
        steps = self.large.shape[1]
        padded = F.pad(lines, (1, steps * STRIDE - self.count - 1))
        by_small = padded.unflatten(2, (steps, STRIDE)).mT.flatten(1, 2)
        starts, rises = torch.bmm(by_small, self.large).unflatten(1, (2, STRIDE)).unbind(1)
        hop = starts.shape[2] // 2
        sums = starts.addcmul_(rises, ramp(hop, lines).repeat_interleave(2))
        return torch.view_as_complex(sums.unflatten(2, (hop, 2))).mul_(self.small).sum(1)


class Waves:
    """Harmonics `first` to `last`, each silent at every sample where it reaches Nyquist.

    Shape: phase [H,hop] int32, f0_hz [H,hop].
    """

    def __init__(self, phase: Tensor, f0_hz: Tensor, first: int, last: int, nyquist: float):
        k = torch.arange(first, last + 1, device=phase.device, dtype=phase.dtype)[:, None]
        self.angles = angles(phase[:, None] * k, f0_hz.dtype)
        self.audible = k * f0_hz[:, None] < nyquist

    def sines(self, lines: Tensor) -> Tensor:
        """Sum sines. Shape: lines [H,2,k] -> [H,hop]."""
        return self._sum(lines, self.angles.sin())

    def cosines(self, lines: Tensor) -> Tensor:
        """Sum cosines. Shape: lines [H,2,k] -> [H,hop]."""
        return self._sum(lines, self.angles.cos())

    def shares(self, grad: Tensor) -> Tensor:
        """Carry a gradient of `sines` back to the lines. Shape: [H,hop] -> [H,2,k]."""
        return torch.bmm(_shared(grad), self.angles.sin().mul_(self.audible).mT)

    def _sum(self, lines: Tensor, waves: Tensor) -> Tensor:
        start, rise = torch.bmm(lines, waves.mul_(self.audible)).unbind(1)
        return start.addcmul_(rise, ramp(waves.shape[2], lines))


def blocks(
    phase: Tensor, f0_hz: Tensor, harmonics: int, nyquist: float
) -> Iterator[tuple[slice, slice, Steps | Waves]]:
    """Yield which hops, which harmonics of them, and these; what never sounds is left out.

    Shape: phase [H,hop] int32, f0_hz [H,2] at both ends of a hop.
    """

    def waves(rows: slice, first: int, last: int) -> Waves:
        f0 = torch.lerp(f0_hz[rows, :1], f0_hz[rows, 1:], ramp(phase.shape[1], f0_hz))
        return Waves(phase[rows], f0, first, last, nyquist)

    on_cpu = phase.device.type == "cpu"
    if on_cpu and harmonics * phase.numel() <= CPU_FEW:
        yield slice(None), slice(None), waves(slice(None), 1, harmonics)
        return
    size = max(1, (CPU_BLOCK if on_cpu else GPU_BLOCK) // (harmonics * phase.shape[1]))
    # Looking at a value stalls a GPU: there, every harmonic may be on either side.
    reach = _reach(f0_hz, harmonics, nyquist) if on_cpu else None
    for start in range(0, len(phase), size):
        rows = slice(start, start + size)
        always, ever = (min(reach[0][rows]), max(reach[1][rows])) if reach else (0, harmonics)
        if always > 0:
            yield rows, slice(0, always), Steps(phase[rows], always, f0_hz.dtype)
        if ever > always:
            yield rows, slice(always, ever), waves(rows, always + 1, ever)


def _reach(f0_hz: Tensor, harmonics: int, nyquist: float) -> tuple[list[int], list[int]]:
    """Return how many harmonics of each hop are below Nyquist all along, and how many anywhere."""
    k = torch.arange(1, harmonics + 1)
    low, high = f0_hz.aminmax(dim=1)
    always, ever = ((k * f0[:, None] < nyquist).sum(1).tolist() for f0 in (high, low))
    return always, ever


def angles(phase: Tensor, dtype: torch.dtype) -> Tensor:
    """Return integer phases in radians, to be changed as one likes. Shape: any, int32."""
    return phase.to(dtype).mul_(2.0 * math.pi * 2.0**-CYCLE_BITS)


def _powers(phase: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """Return exp(i j x) for j = 0, 1, ... Shape: [H,hop] -> [H,count,hop] complex."""
    hops, hop = phase.shape
    powers = torch.empty(hops, count, hop, dtype=dtype.to_complex(), device=phase.device)
    powers[:, 0] = 1.0
    if count > 1:
        first = angles(phase, dtype)
        torch.complex(first.cos(), first.sin(), out=powers[:, 1])
    known = 2
    while known < count:
        more = min(known - 1, count - known)
        last, following = powers[:, known - 1 : known], powers[:, known : known + more]
        torch.mul(powers[:, 1 : more + 1], last, out=following)
        known += more
    return powers


def _real(waves: Tensor) -> Tensor:
    """Return the real view, real and imaginary parts in turn. Shape: [H,n,hop] -> [H,n,2*hop]."""
    return torch.view_as_real(waves).flatten(2)


def _shared(grad: Tensor) -> Tensor:
    """Split a gradient among start and rise of a hop. Shape: [H,hop] -> [H,2,hop]."""
    return torch.stack((grad, grad * ramp(grad.shape[1], grad)), dim=1)
