"""The bank of harmonics: frames in, samples out, and nothing of the size of their product."""

from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.kernels.cuda.programs import bank, phases

FRAMES = 1024
"""Hops that are summed at a time; a program carries the phase from one block to the next."""
SAMPLES = 128
"""Samples of one warp in forward: four in each thread, so that small batches fill the device."""
GRADIENTS = 256
"""Samples of one warp in backward: eight in each thread, then one reduction across the warp."""


def harmonic_bank(
    f0_hz: Tensor, amplitudes: Tensor, hop: int, sample_rate: int, start: Tensor | None = None
) -> Tensor:
    """Sum harmonic sines; see `ddspcore.dsp.oscillators.harmonic_bank`.

    Shape: f0_hz [B,N], amplitudes [B,N,K], start [B] int64 -> [B,(N-1)*hop].
    """
    signal: Tensor = _Bank.apply(f0_hz, amplitudes, hop, sample_rate, start)
    return signal


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
        f0_hz, amplitudes = f0_hz.contiguous(), amplitudes.contiguous()
        items, hops, harmonics = len(f0_hz), f0_hz.shape[1] - 1, amplitudes.shape[2]
        motions = f0_hz.new_empty(items, hops, 3, dtype=torch.int64)
        signal = f0_hz.new_empty(items, hops * hop)
        slopes = torch.empty_like(signal) if ctx.needs_input_grad[0] else None
        with torch.cuda.device_of(f0_hz):
            phases.begin_hops[(items,)](
                f0_hz,
                None if start is None else start.contiguous(),
                motions,
                hops,
                HOP=hop,
                RATE=sample_rate,
                BLOCK=FRAMES,
            )
            bank.sound_hop[(items * hops, triton.cdiv(hop, SAMPLES))](
                f0_hz,
                amplitudes,
                motions,
                signal,
                slopes,
                hops,
                harmonics,
                HOP=hop,
                NYQUIST=sample_rate / 2,
                STEPS=8,
                BLOCK=SAMPLES,
                num_warps=1,
            )
        ctx.save_for_backward(f0_hz, motions, slopes)
        ctx.sizes = hop, sample_rate, harmonics
        return signal

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        f0_hz, motions, slopes = ctx.saved_tensors
        hop, sample_rate, harmonics = ctx.sizes
        grad = grad.contiguous()
        of_f0 = _of_f0(grad, slopes, hop, sample_rate) if ctx.needs_input_grad[0] else None
        of_amplitudes = None
        if ctx.needs_input_grad[1]:
            of_amplitudes = _of_amplitudes(f0_hz, motions, grad, hop, sample_rate, harmonics)
        return of_f0, of_amplitudes, None, None, None


def _of_f0(grad: Tensor, slopes: Tensor, hop: int, sample_rate: int) -> Tensor:
    items, hops = len(grad), grad.shape[1] // hop
    sums = grad.new_empty(items, hops, 3)
    of_f0 = grad.new_empty(items, hops + 1)
    block = min(triton.next_power_of_2(hop), 1024)
    phases.weigh_hop[(items * hops,)](grad, slopes, sums, HOP=hop, BLOCK=block, num_warps=2)
    phases.gather_f0[(items,)](sums, of_f0, hops, HOP=hop, RATE=sample_rate, BLOCK=FRAMES)
    return of_f0


def _of_amplitudes(
    f0_hz: Tensor, motions: Tensor, grad: Tensor, hop: int, sample_rate: int, harmonics: int
) -> Tensor:
    items, hops, _ = motions.shape
    block = min(max(triton.next_power_of_2(hop), 32), GRADIENTS)
    blocks = triton.cdiv(hop, block)
    shares = grad.new_empty(items, hops, blocks, 2, harmonics)
    of_amplitudes = grad.new_empty(items, hops + 1, harmonics)
    bank.share_hop[(items * hops, blocks)](
        f0_hz,
        motions,
        grad,
        shares,
        hops,
        harmonics,
        HOP=hop,
        NYQUIST=sample_rate / 2,
        STEPS=4,
        BLOCK=block,
        num_warps=1,
    )
    bank.gather_shares[(items * (hops + 1), triton.cdiv(harmonics, 128))](
        shares, of_amplitudes, hops, blocks, harmonics, BLOCK=128, num_warps=4
    )
    return of_amplitudes
