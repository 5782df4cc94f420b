"""A GRU that is trained without cuDNN.

`nn.GRU` on a CPU records a dozen small operations a step, and adds to the whole gradient of its
weights in each. Here the gates of all steps live in one tensor, a step is five operations forward
and three back, and the weights get their gradient from one product over all steps.

The gates stand in the order: memory's candidate, reset, update, candidate. So what depends on the
memory is the first three of them, and what depends on the input the last three.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad


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
    hidden, _ = _recur(driven, *(each.to(driven) for each in (first, weight, recalled)))
    return hidden[1:], hidden[-1:]


@torch.library.custom_op("ddspcore::gru", mutates_args=())
def _recur(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the memory before, between and after all steps, and their gates.

    Shape: driven [N,B,3H], first [B,H], weight [3H,H], bias [H] -> [N+1,B,H], [N,B,4H].
    """
    hidden, gates = _empty(driven, first, weight, bias)
    width = len(bias)
    hidden[0] = first
    gates[..., :width] = bias
    gates[..., width:] = driven
    steps = zip(
        gates[..., : 3 * width].unbind(),
        gates[..., width : 3 * width].unbind(),
        *(gate.unbind() for gate in gates.split(width, dim=-1)),
        hidden[:-1].unbind(),
        hidden[1:].unbind(),
        strict=True,
    )
    spread = weight.T
    for recurrent, switches, recalled, reset, update, candidate, before, after in steps:
        recurrent.addmm_(before, spread)
        switches.sigmoid_()
        candidate.addcmul_(reset, recalled).tanh_()
        torch.lerp(candidate, before, update, out=after)
    return hidden, gates


@_recur.register_fake
def _empty(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    steps, batch, _ = driven.shape
    width = len(bias)
    return driven.new_empty(steps + 1, batch, width), driven.new_empty(steps, batch, 4 * width)


@torch.library.custom_op("ddspcore::gru_gradient", mutates_args=())
def _gradient(
    pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the gates before they were squashed, and of the first memory.

    Shape: pushed, hidden [N+1,B,H], gates [N,B,4H] -> [N,B,4H], [B,H].
    """
    width = hidden.shape[-1]
    recalled, reset, update, candidate = gates.split(width, dim=-1)
    slopes = torch.empty_like(gates)  # of the memory after a step by its four gates
    of_recalled, of_reset, of_update, of_candidate = slopes.split(width, dim=-1)
    kept = 1 - update
    torch.sub(hidden[:-1], candidate, out=of_update).mul_(update).mul_(kept)
    torch.addcmul(kept, kept, candidate * candidate, value=-1, out=of_candidate)
    torch.mul(of_candidate, reset, out=of_recalled)
    torch.addcmul(of_recalled, of_recalled, reset, value=-1, out=of_reset).mul_(recalled)
    steps = zip(
        slopes.unflatten(-1, (4, width)).unbind(),
        slopes[..., : 3 * width].unbind(),
        update.unbind(),
        pushed[:-1].unbind(),
        strict=True,
    )
    carried = pushed[-1]
    for all_gates, recurrent, passed, push in reversed(list(steps)):
        all_gates.mul_(carried[:, None])
        carried = torch.addcmul(push, carried, passed).addmm_(recurrent, weight)
    return slopes, carried


@_gradient.register_fake
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
    changed, first = _gradient(pushed, hidden, gates, weight)
    recurrent = changed[..., : 3 * width].flatten(0, 1)
    before = hidden[:-1].flatten(0, 1)
    return changed[..., width:], first, recurrent.T @ before, changed[..., :width].sum((0, 1))


_recur.register_autograd(_backward, setup_context=_save)
