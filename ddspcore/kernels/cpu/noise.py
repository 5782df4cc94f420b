"""The filtered noise by the compiled library, through transforms, and its gradient."""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp import filters
from ddspcore.kernels.cpu.library import library, ready


def filtered_noise(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    """Filter noise by moving magnitudes; see `ddspcore.dsp.filters.filtered_noise`."""
    learning = torch.is_grad_enabled()
    if not _fits(white, magnitudes, hop) or (learning and white.requires_grad):
        return filters.filtered_noise(white, magnitudes, hop)
    if learning and magnitudes.requires_grad:
        signal: Tensor = _Filter.apply(white, magnitudes, hop)
        return signal
    return _filter(white, magnitudes, hop)


def _fits(white: Tensor, magnitudes: Tensor, hop: int) -> bool:
    clips, frames, bands = magnitudes.shape
    return (
        frames > 1
        and hop > 0
        and bands > 1
        and white.shape == (clips, (frames - 1) * hop)
        and magnitudes.dtype == torch.float32
        and magnitudes.device == white.device
    )


class _Filter(torch.autograd.Function):
    """White noise is not learnt: the gradient is that of the magnitudes alone."""

    @staticmethod
    def forward(ctx: Any, white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
        ctx.save_for_backward(white)
        ctx.shape, ctx.hop = magnitudes.shape, hop
        return _filter(white, magnitudes, hop)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, None]:
        (white,) = ctx.saved_tensors
        clips, frames, bands = ctx.shape
        size, matrix = _design(bands, ctx.hop)
        of_responses = torch.empty(clips, frames, matrix.shape[1])
        sizes = clips, frames, ctx.hop, bands - 1, size
        _run("ddsp_noise_response_grad", white, grad, sizes, of_responses)
        return None, of_responses @ matrix.mT, None


def _filter(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    clips, frames, bands = magnitudes.shape
    size, matrix = _design(bands, hop)
    signal = torch.empty(white.shape)
    _run("ddsp_noise", white, magnitudes @ matrix, (clips, frames, hop, bands - 1, size), signal)
    return signal


@functools.lru_cache(maxsize=32)
def _design(bands: int, hop: int) -> tuple[int, Tensor]:
    """Return the length of transforms and the matrix to responses: both in fours, for lanes."""
    size = 2 * filters.fast_length(-(-hop // 2) + bands - 1)
    with torch.inference_mode(False), torch.no_grad():
        matrix = filters.zero_phase(bands, size, torch.device("cpu"), torch.float64).float()
        return size, F.pad(matrix, (0, -matrix.shape[1] % 4))


def _run(name: str, a: Tensor, b: Tensor, sizes: tuple[int, ...], result: Tensor) -> None:
    a, b = ready(a), ready(b)
    function = getattr(library(), name)
    function(a.data_ptr(), b.data_ptr(), *sizes, result.data_ptr(), torch.get_num_threads())
