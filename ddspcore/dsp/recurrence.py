"""The recurrence of a gated recurrent unit, step after step, and its gradient.

The gates of all steps live in one tensor, so a step is five operations forward and three back, and
the gradient of the weights is one product over all steps. They stand in the order: recalled (what
the memory adds to the candidate), reset, update, candidate. So the memory drives the first three of
them, and the input the last three.

Source: Cho et al. (2014), equations 5 to 8, with the reset after the product, as in cuDNN.
"""

import torch
from torch import Tensor


def recur(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the memory before, between and after the steps, and the gates.

    `driven` is what the input adds to reset, update and candidate; `weight` is of recalled, reset
    and update, `bias` of recalled.

    Shape: driven [N,B,3H], first [B,H], weight [3H,H], bias [H] -> [N+1,B,H], [N,B,4H].
    """
    hidden, gates = prepare(driven, first, bias)
    width = len(bias)
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


def prepare(driven: Tensor, first: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the memory with its first step, and the gates without what the memory adds."""
    steps, batch, _ = driven.shape
    width = len(bias)
    hidden = driven.new_empty(steps + 1, batch, width)
    gates = driven.new_empty(steps, batch, 4 * width)
    hidden[0] = first
    gates[..., :width] = bias
    gates[..., width:] = driven
    return hidden, gates


def recur_back(
    pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the gates before they are squashed, and of the first memory.

    `pushed` is the gradient of `hidden`; the others are what `recur` was given and returned.

    Shape: pushed, hidden [N+1,B,H], gates [N,B,4H], weight [3H,H] -> [N,B,4H], [B,H].
    """
    width = hidden.shape[-1]
    recalled, reset, update, candidate = gates.split(width, dim=-1)
    slopes = torch.empty_like(gates)  # of the memory after a step by each of its gates
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
    carried = pushed[-1].clone()
    for all_gates, recurrent, passed, push in reversed(list(steps)):
        all_gates.mul_(carried[:, None])
        carried = torch.addcmul(push, carried, passed).addmm_(recurrent, weight)
    return slopes, carried
