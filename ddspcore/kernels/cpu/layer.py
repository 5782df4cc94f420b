"""A layer of a transformer by the compiled library, and its gradient."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.dsp import transformer_layer as reference
from ddspcore.dsp.attention import KEPT_FRAMES, Attention, rotary_turns
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.kernels.cpu.library import ROUND, library, ready

PARTS = 8
"""Sums of weights' gradients that threads work on side by side."""
PART_ROWS = 64
"""Rows that are worth a sum of their own."""


def transformer_layer(x: Tensor, weights: LayerWeights, attention: Attention) -> Tensor:
    """Return what a layer makes of frames; see `ddspcore.dsp.transformer_layer`."""
    if not _fits(x, weights, attention):
        return reference.transformer_layer(x, weights, attention)
    result: Tensor = _Layer.apply(x, attention, *weights)
    return result


def _fits(x: Tensor, weights: LayerWeights, attention: Attention) -> bool:
    wide, width = weights.widen.shape
    return (
        not torch.is_autocast_enabled("cpu")
        and x.numel() > 0
        and width % (ROUND * attention.heads) == wide % ROUND == 0
        and all(each.dtype == torch.float32 and each.device == x.device for each in weights)
    )


class _Layer(torch.autograd.Function):
    """Of what lies between, as much is kept as matrix products make; the rest is found again."""

    @staticmethod
    def forward(ctx: Any, frames_in: Tensor, attention: Attention, *given: Tensor) -> Tensor:
        x, weights = ready(frames_in), LayerWeights(*map(ready, given))
        sizes = _sizes(x, weights, attention)
        clips, frames, width, wide, heads = sizes[:5]
        turns = _turns(frames, width // heads) if attention.rotary else None
        kept = x.new_empty(clips * frames * (5 * width + wide + heads))
        result = torch.empty_like(x)
        addresses = _addresses((turns, x, result, kept))
        library().ddsp_layer(_pointers(weights), *addresses, *sizes, torch.get_num_threads())
        ctx.save_for_backward(x, turns, kept, *weights)
        ctx.sizes = sizes
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, turns, kept, *weights = ctx.saved_tensors
        rows, lengths = x.shape[0] * x.shape[1], [each.numel() for each in weights]
        parts, total = max(1, min(PARTS, rows // PART_ROWS)), sum(lengths)
        of_weights = x.new_zeros(parts, total)
        of_x, working = torch.empty_like(x), x.new_empty(4 * x.numel())
        arrays = turns, x, ready(grad), kept, working, of_x
        library().ddsp_layer_grad(
            _pointers(weights),
            *_addresses(arrays),
            _pointers(of_weights[0].split(lengths)),
            *(parts, total),
            *ctx.sizes,
            torch.get_num_threads(),
        )
        summed = (of_weights.sum(0) if parts > 1 else of_weights[0]).split(lengths)
        shaped = (part.view_as(each) for part, each in zip(summed, weights, strict=True))
        return of_x, None, *shaped


def _sizes(x: Tensor, weights: LayerWeights, attention: Attention) -> tuple[int, ...]:
    ahead = 0 if attention.causal else attention.span
    return *x.shape, len(weights.widen), attention.heads, attention.span, ahead


def _pointers(arrays: Sequence[Tensor]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*_addresses(arrays))


def _addresses(arrays: Sequence[Tensor | None]) -> list[int | None]:
    return [None if each is None else each.data_ptr() for each in arrays]


def _turns(frames: int, channels: int) -> Tensor:
    """Return cosines, then sines, of each frame's angles; training's equal chunks share them."""
    return (_kept if frames <= KEPT_FRAMES else _turning)(frames, channels)


def _turning(frames: int, channels: int) -> Tensor:
    with torch.inference_mode(False):
        return torch.cat(rotary_turns(frames, channels), dim=1).float()


_kept = functools.lru_cache(maxsize=2)(_turning)
