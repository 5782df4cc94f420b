"""The spectral distance by the compiled library, and its gradient."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp import spectral_distance
from ddspcore.kernels.cpu.library import library, ready


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
    every = list(zip(targets, hops, strict=True))
    fast = [(ready(target), hop) for target, hop in every if _fits(x, target, hop)]
    slow = [(target, hop) for target, hop in every if not _fits(x, target, hop)]
    if not fast:
        return spectral_distance.multi_spectral_l1(
            x, targets, hops, linear=linear, log=log, log_eps=log_eps
        )
    distance: Tensor = _Distance.apply(ready(x), fast, len(every), (linear, log, log_eps))
    if slow:
        rest = spectral_distance.multi_spectral_l1(
            x, *zip(*slow, strict=True), linear=linear, log=log, log_eps=log_eps
        )
        distance = distance + rest * (len(slow) / len(every))
    return distance


def _fits(x: Tensor, target: Tensor, hop: int) -> bool:
    if target.dim() != 3 or x.dim() != 2 or hop < 1:
        return False
    clips, length = x.shape
    window = 2 * (target.shape[2] - 1)
    return (
        clips > 0
        and window // 2 < length  # shorter signals are padded with zeros
        and _is_smooth(window)
        and target.shape == (clips, length // hop + 1, window // 2 + 1)
        and target.dtype == torch.float32
        and target.device == x.device
    )


@functools.cache
def _is_smooth(window: int) -> bool:
    """Say if a window is a multiple of 16 samples without prime factors above 13."""
    rest = window
    for prime in (2, 3, 5, 7, 11, 13):
        while rest > 0 and rest % prime == 0:
            rest //= prime
    return window % 16 == 0 and rest == 1


class _Distance(torch.autograd.Function):
    """The gradient comes with the distance, so backward only scales it."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        resolutions: list[tuple[Tensor, int]],
        of_how_many: int,
        terms: tuple[float, float, float],
    ) -> Tensor:
        distance = x.new_empty(())
        gradient = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        targets, hops = zip(*resolutions, strict=True)
        count = len(resolutions)
        integers = ctypes.c_int64 * count
        library().ddsp_spectral_l1(
            x.data_ptr(),
            *x.shape,
            (ctypes.c_void_p * count)(*(target.data_ptr() for target in targets)),
            integers(*(2 * (target.shape[2] - 1) for target in targets)),
            integers(*hops),
            count,
            of_how_many,
            *terms,
            distance.data_ptr(),
            None if gradient is None else gradient.data_ptr(),
            torch.get_num_threads(),
        )
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None, None
