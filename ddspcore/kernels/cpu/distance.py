"""The spectral distance by the compiled library, and its gradient."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp import spectral_distance
from ddspcore.kernels.cpu.library import library, ready

Resolutions = list[tuple[Tensor, int]]
Terms = tuple[float, float, float]


def multi_spectral_l1(
    x: Tensor,
    targets: Sequence[Tensor],
    hops: Sequence[int],
    *,
    linear: float,
    log: float,
    log_eps: float,
) -> Tensor:
    """Return the mean spectral distance over resolutions; see `ddspcore.dsp.spectral_distance`.

    The library takes the resolutions that it can, the reference the others.
    """
    fast: Resolutions = []
    slow: Resolutions = []
    for target, hop in zip(targets, hops, strict=True):
        (fast if _fits(x, target, hop) else slow).append((target, hop))
    terms, count = (linear, log, log_eps), len(targets)
    if not fast:
        return _by_reference(x, slow, terms)
    distance: Tensor
    if torch.is_grad_enabled() and x.requires_grad:
        distance = _Distance.apply(x, fast, count, terms)
    else:
        distance = _measure(x, fast, count, terms, gradient=None)
    if slow:
        distance = distance + _by_reference(x, slow, terms) * (len(slow) / count)
    return distance


def _fits(x: Tensor, target: Tensor, hop: int) -> bool:
    if x.dim() != 2 or target.dim() != 3 or hop < 1:
        return False
    (clips, length), (_, frames, bins) = x.shape, target.shape
    return (
        clips == len(target) > 0
        and frames == length // hop + 1
        and 8 < bins <= length  # the ends are reflected, not padded with zeros
        and bins % 8 == 1  # the window is a multiple of 16 samples
        and target.dtype == torch.float32
        and target.device == x.device
    )


def _by_reference(x: Tensor, resolutions: Resolutions, terms: Terms) -> Tensor:
    targets, hops = [t for t, _ in resolutions], [hop for _, hop in resolutions]
    linear, log, log_eps = terms
    return spectral_distance.multi_spectral_l1(
        x, targets, hops, linear=linear, log=log, log_eps=log_eps
    )


def _measure(
    x: Tensor, resolutions: Resolutions, of_how_many: int, terms: Terms, gradient: Tensor | None
) -> Tensor:
    """Return the distance at some of many resolutions, and fill the gradient where there is one."""
    x, targets = ready(x), [ready(target) for target, _ in resolutions]
    distance, count = x.new_empty(()), len(resolutions)
    integers = ctypes.c_int64 * count
    library().ddsp_spectral_l1(
        x.data_ptr(),
        *x.shape,
        (ctypes.c_void_p * count)(*(target.data_ptr() for target in targets)),
        integers(*(2 * (target.shape[2] - 1) for target in targets)),
        integers(*(hop for _, hop in resolutions)),
        count,
        of_how_many,
        *terms,
        distance.data_ptr(),
        None if gradient is None else gradient.data_ptr(),
        torch.get_num_threads(),
    )
    return distance


class _Distance(torch.autograd.Function):
    """The gradient comes with the distance, so backward only scales it."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, resolutions: Resolutions, of_how_many: int, terms: Terms
    ) -> Tensor:
        gradient = x.new_empty(x.shape)
        ctx.save_for_backward(gradient)
        return _measure(x, resolutions, of_how_many, terms, gradient)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None, None
