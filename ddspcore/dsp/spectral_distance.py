"""How far the short-time magnitudes of a signal lie from given ones."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp.frames import Ends, at_a_time, ends, overlap_add
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
        resolutions = [(t, 2 * (t.shape[2] - 1), hop) for t, hop in zip(targets, hops, strict=True)]
        for reflected in (True, False):
            group = [
                one for one in resolutions if ends(x.shape[1], *one[1:]).reflected == reflected
            ]
            if group:
                _add_resolutions(distance, gradient, x, group, terms)
        if gradient is not None:
            ctx.save_for_backward(gradient.div_(len(targets)))
        return distance.div_(len(targets))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None, None


def _add_resolutions(
    distance: Tensor,
    gradient: Tensor | None,
    x: Tensor,
    resolutions: list[tuple[Tensor, int, int]],
    terms: tuple[float, float, float],
) -> None:
    """Add the distances at some resolutions, and what follows in `x` to `gradient`.

    Their frames share one padded signal, so the ends of all are reflected or of none.
    """
    every = [ends(x.shape[1], window, hop) for _, window, hop in resolutions]
    around = Ends(max(e.before for e in every), max(e.after for e in every), every[0].reflected)
    padded = around.pad(x)
    of_padded = None if gradient is None else torch.zeros_like(padded)
    for target, window, hop in resolutions:
        frames = around.cut(padded, window, hop)
        of_frames = None if of_padded is None else around.cut(of_padded, window, hop)
        _add_resolution(distance, of_frames, frames, target, hop, terms)
    if gradient is not None and of_padded is not None:
        gradient += around.fold(of_padded)


def _add_resolution(
    distance: Tensor,
    slots: Tensor | None,
    frames: Tensor,
    target: Tensor,
    hop: int,
    terms: tuple[float, float, float],
) -> None:
    """Add the distance at one resolution to `distance`, and what follows in `frames` to `slots`.

    Shape: frames and slots [B,N,window], target [B,N,bins].
    """
    linear, log, log_eps = terms
    batch, _, window = frames.shape
    share = 1.0 / target.numel()
    shape, some = hann(window, frames), at_a_time(batch, window, frames.device)
    # The adjoint of rfft is irfft, which counts every bin but the first and last twice.
    once = torch.full_like(shape[: window // 2 + 1], 0.5 * share)
    once[:: window // 2] = share
    of_linear, of_log = once * linear, once * log
    blocks = zip(frames.split(some, 1), target.split(some, 1), strict=True)
    for i, (block, theirs) in enumerate(blocks):
        spectrum = torch.fft.rfft(block * shape)
        mine = modulus(spectrum)
        difference, lifted = mine - theirs, mine + log_eps
        nepers = (lifted / (theirs + log_eps)).log_().abs_()
        distance.add_(nepers.sum(), alpha=share * log)
        if slots is not None:
            # The slope is along the spectrum, with the sign of the difference.
            slope = torch.addcdiv(of_linear, of_log, lifted).mul_(difference.sign()).div_(mine)
            of_block = torch.fft.irfft(spectrum.mul_(slope), n=window, norm="forward")
            overlap_add(slots[:, i * some : (i + 1) * some], of_block, shape, hop)
        distance.add_(difference.abs_().sum(), alpha=share * linear)
