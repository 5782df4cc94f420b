"""How far the short-time magnitudes of a signal lie from given ones."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.frames import Unframing, at_a_time, frame
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
    """Return the mean over resolutions of how far magnitudes lie from their targets.

    At one resolution, with m the magnitudes of `x` as `stft.magnitude` defines them, and t the
    target, theirs to be, it is the mean over bins of

        linear |m - t| + log |ln((m + log_eps) / (t + log_eps))|.

    Differentiable once, in `x`; the gradient of an empty or an equal bin is 0. The window of a
    target is twice its bins but one.

    Shape: x [B,T], each target [B, T // hop + 1, window // 2 + 1] -> scalar.
    """
    distance: Tensor = _Distance.apply(x, tuple(targets), tuple(hops), (linear, log, log_eps))
    return distance


class _Distance(torch.autograd.Function):
    """The spectra are at hand in forward and gone in backward, so forward keeps the gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        targets: tuple[Tensor, ...],
        hops: tuple[int, ...],
        terms: tuple[float, float, float],
    ) -> Tensor:
        distance = x.new_zeros(())
        gradient = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        for target, hop in zip(targets, hops, strict=True):
            _add_resolution(distance, gradient, x, target, hop, terms)
        if gradient is not None:
            ctx.save_for_backward(gradient.div_(len(targets)))
        return distance.div_(len(targets))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None, None


def _add_resolution(
    distance: Tensor,
    gradient: Tensor | None,
    x: Tensor,
    target: Tensor,
    hop: int,
    terms: tuple[float, float, float],
) -> None:
    """Add the distance at one resolution to `distance`, and what follows in `x` to `gradient`."""
    linear, log, log_eps = terms
    share = 1.0 / target.numel()
    window = 2 * (target.shape[2] - 1)
    shape, some = hann(window, x), at_a_time(len(x), window, x.device)
    # The adjoint of rfft is irfft, which counts every bin but the first and last twice.
    unframing, weights = Unframing(x, window, hop), shape * (0.5 * share)
    blocks = zip(frame(x, window, hop).split(some, 1), target.split(some, 1), strict=True)
    for i, (frames, theirs) in enumerate(blocks):
        spectrum = torch.fft.rfft(frames * shape)
        mine = modulus(spectrum)
        difference, lifted = mine - theirs, mine + log_eps
        nepers = (lifted / (theirs + log_eps)).log_().abs_()
        distance.add_(nepers.sum(), alpha=share * log)
        if gradient is not None:
            # The slope is along the spectrum, with the sign of the difference.
            along = difference.sign().div_(mine)
            slope = torch.addcdiv(along * linear, along, lifted, value=log)
            slope[:, :, :: window // 2].mul_(2.0)
            of_frames = torch.fft.irfft(spectrum.mul_(slope), n=window, norm="forward")
            unframing.add(of_frames, weights, first=i * some)
        distance.add_(difference.abs_().sum(), alpha=share * linear)
    if gradient is not None:
        gradient += unframing.signal()
