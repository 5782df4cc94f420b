"""A GRU that is trained without cuDNN.

`nn.GRU` on a CPU records a dozen small operations a step, and adds to the whole gradient of its
weights in each. Here the steps are one operation to autograd and to a compiler.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ddspcore import kernels
from ddspcore.dsp.precision import full_precision


def remember(gru: nn.GRU, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return what `gru`, of one layer and time first, returns; faster where a gradient is wanted.

    Shape: x [N,B,I], memory [1,B,H] -> [N,B,H], [1,B,H]. Differentiable once.
    """
    if x.is_cuda or not torch.is_grad_enabled():
        remembered, memory = gru(x, memory)
        return remembered, memory
    width = gru.hidden_size
    by_input, by_memory, bias, bias_of_memory = gru.parameters()
    switches, recalled = bias_of_memory.split([2 * width, width])
    driven = linear(x, by_input, bias + pad(switches, (0, width)))
    first = driven.new_zeros(x.shape[1], width) if memory is None else memory[0]
    weight = by_memory.roll(width, 0)  # of reset, update, candidate, the last comes first
    hidden = _remember(driven, first, weight, recalled)
    return hidden[1:], hidden[-1:]


@full_precision  # a memory is a sum over hundreds of steps
def _remember(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    hidden: Tensor = _recur(driven, first, weight, bias)[0]
    return hidden


@torch.library.custom_op("ddspcore::recur", mutates_args=())
def _recur(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    return kernels.recur(driven, first, weight, bias)


@_recur.register_fake
def _(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    steps, batch, _ = driven.shape
    width = len(bias)
    return driven.new_empty(steps + 1, batch, width), driven.new_empty(steps, batch, 4 * width)


@torch.library.custom_op("ddspcore::recur_back", mutates_args=())
def _recur_back(
    pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    return kernels.recur_back(pushed, hidden, gates, weight)


@_recur_back.register_fake
def _(pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(gates), torch.empty_like(hidden[0])


def _save(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    hidden, gates = output
    ctx.mark_non_differentiable(gates)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(hidden, gates, inputs[2])


def _backward(ctx: Any, pushed: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    if pushed is None:
        return None, None, None, None
    hidden, gates, weight = ctx.saved_tensors
    width = hidden.shape[-1]
    changed, first = _recur_back(pushed, hidden, gates, weight)
    recurrent = changed[..., : 3 * width].flatten(0, 1)
    before = hidden[:-1].flatten(0, 1)
    return changed[..., width:], first, recurrent.T @ before, changed[..., :width].sum((0, 1))


_recur.register_autograd(_backward, setup_context=_save)
