"""How far the short-time magnitudes of a signal lie from given ones."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.frames import frame
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.stft import hann, modulus


@full_precision
def multi_spectral_l1(
    x: Tensor,
    targets: Sequence[Tensor],
    hops: Sequence[int],
    *,
    linear: float,
    log: float,
    log_eps: float,
) -> Tensor:
    """Return the mean of `spectral_l1` over resolutions.

    Shape: x [B,T], each target [B, T // hop + 1, window // 2 + 1] -> scalar.
    """
    distances = [
        spectral_l1(x, target, hop, linear=linear, log=log, log_eps=log_eps)
        for target, hop in zip(targets, hops, strict=True)
    ]
    return torch.stack(distances).mean()


@full_precision
def spectral_l1(
    x: Tensor, target: Tensor, hop: int, *, linear: float, log: float, log_eps: float
) -> Tensor:
    """Return the mean over bins of linear |m - t| + log |ln((m + log_eps) / (t + log_eps))|.

    m are the magnitudes of `x` as `stft.magnitude` defines them, and t is `target`, theirs to be.
    Differentiable once, in `x`; the gradient of an empty or an equal bin is 0.

    Shape: x [B,T], target [B, T // hop + 1, window // 2 + 1] -> scalar.
    """
    frames = frame(x, 2 * (target.shape[-1] - 1), hop)
    distance: Tensor = _Distance.apply(frames, target, (linear, log, log_eps))
    return distance


class _Distance(torch.autograd.Function):
    """The spectrum is at hand in forward and gone in backward, so forward keeps the gradient."""

    @staticmethod
    def forward(
        ctx: Any, frames: Tensor, target: Tensor, terms: tuple[float, float, float]
    ) -> Tensor:
        linear, log, log_eps = terms
        window = frames.shape[-1]
        shape = hann(window, frames)
        spectrum = torch.fft.rfft(frames * shape)
        magnitude = modulus(spectrum)
        lifted = magnitude + log_eps
        difference = magnitude - target
        decades = (lifted / (target + log_eps)).log_().abs_()
        distance: Tensor = linear * difference.abs().mean() + log * decades.mean()
        if ctx.needs_input_grad[0]:
            # d distance / d spectrum: along the spectrum, with the sign of the difference.
            slope = difference.sign_().mul_(lifted.reciprocal_().mul_(log).add_(linear))
            slope.div_(magnitude).div_(slope.numel())
            # The adjoint of rfft is irfft, which counts every bin but the first and last twice.
            slope[..., 1:-1] *= 0.5
            of_frames = torch.fft.irfft(spectrum * slope, n=window, norm="forward").mul_(shape)
            ctx.save_for_backward(of_frames)
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (of_frames,) = ctx.saved_tensors
        return of_frames * grad, None, None
