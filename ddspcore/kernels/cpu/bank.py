"""The bank of harmonic sines by the compiled library, and its gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp import oscillators
from ddspcore.kernels.cpu.library import library, ready


def harmonic_bank(
    f0_hz: Tensor, amplitudes: Tensor, hop: int, sample_rate: int, start: Tensor | None = None
) -> Tensor:
    """Sum harmonic sines; see `ddspcore.dsp.oscillators.harmonic_bank`."""
    if not _fits(f0_hz, amplitudes, hop, start):
        return oscillators.harmonic_bank(f0_hz, amplitudes, hop, sample_rate, start)
    f0_hz, amplitudes = ready(f0_hz), ready(amplitudes)
    start = None if start is None else ready(start)
    if torch.is_grad_enabled() and (f0_hz.requires_grad or amplitudes.requires_grad):
        signal: Tensor = _Bank.apply(f0_hz, amplitudes, hop, sample_rate, start)
        return signal
    return _sum(f0_hz, amplitudes, hop, sample_rate, start, slopes=None)


def _fits(f0_hz: Tensor, amplitudes: Tensor, hop: int, start: Tensor | None) -> bool:
    clips, frames = f0_hz.shape
    return (
        frames > 1
        and hop > 0
        and amplitudes.shape[:-1] == (clips, frames)
        and amplitudes.shape[-1] > 0
        and amplitudes.dtype == torch.float32
        and amplitudes.device == f0_hz.device
        and (start is None or (start.shape == (clips,) and start.dtype == torch.int64))
    )


def _sum(
    f0_hz: Tensor,
    amplitudes: Tensor,
    hop: int,
    sample_rate: int,
    start: Tensor | None,
    slopes: Tensor | None,
) -> Tensor:
    clips, frames, harmonics = amplitudes.shape
    signal = f0_hz.new_empty(clips, (frames - 1) * hop)
    library().ddsp_bank(
        f0_hz.data_ptr(),
        amplitudes.data_ptr(),
        None if start is None else start.data_ptr(),
        clips,
        frames,
        harmonics,
        hop,
        sample_rate,
        signal.data_ptr(),
        None if slopes is None else slopes.data_ptr(),
        torch.get_num_threads(),
    )
    return signal


class _Bank(torch.autograd.Function):
    """Saves one number a sample, and that only for the gradient of f0."""

    @staticmethod
    def forward(
        ctx: Any,
        f0_hz: Tensor,
        amplitudes: Tensor,
        hop: int,
        sample_rate: int,
        start: Tensor | None,
    ) -> Tensor:
        slopes = None
        if ctx.needs_input_grad[0]:
            slopes = f0_hz.new_empty(len(f0_hz), (f0_hz.shape[1] - 1) * hop)
        ctx.save_for_backward(f0_hz, start, slopes)
        ctx.sizes = (*amplitudes.shape, hop, sample_rate)
        return _sum(f0_hz, amplitudes, hop, sample_rate, start, slopes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        f0_hz, start, slopes = ctx.saved_tensors
        clips, frames, harmonics, hop, sample_rate = ctx.sizes
        grad, threads = ready(grad), torch.get_num_threads()
        of_f0 = of_amplitudes = None
        if ctx.needs_input_grad[0]:
            of_f0 = grad.new_empty(clips, frames)
            library().ddsp_bank_f0_grad(
                grad.data_ptr(),
                slopes.data_ptr(),
                clips,
                frames,
                hop,
                sample_rate,
                of_f0.data_ptr(),
                threads,
            )
        if ctx.needs_input_grad[1]:
            of_amplitudes = grad.new_empty(clips, frames, harmonics)
            library().ddsp_bank_amplitude_grad(
                f0_hz.data_ptr(),
                None if start is None else start.data_ptr(),
                grad.data_ptr(),
                clips,
                frames,
                harmonics,
                hop,
                sample_rate,
                of_amplitudes.data_ptr(),
                threads,
            )
        return of_f0, of_amplitudes, None, None, None
