"""The recurrence of a GRU by the compiled library."""

import torch
from torch import Tensor

from ddspcore.dsp import recurrence
from ddspcore.kernels.cpu.library import ROUND, library, ready


def recur(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the memory of all steps, and the gates; see `ddspcore.dsp.recurrence.recur`."""
    if not _fits(weight):
        return recurrence.recur(driven, first, weight, bias)
    hidden, gates = recurrence.prepare(driven, first, bias)
    weight = ready(weight)
    pointers = (each.data_ptr() for each in (weight, hidden, gates))
    library().ddsp_recur(*pointers, *_sizes(gates), torch.get_num_threads())
    return hidden, gates


def recur_back(
    pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradient of gates and first memory; see `ddspcore.dsp.recurrence.recur_back`."""
    if not _fits(weight):
        return recurrence.recur_back(pushed, hidden, gates, weight)
    given = [ready(each) for each in (pushed, hidden, gates, weight)]
    slopes, first = torch.empty_like(gates), torch.empty_like(hidden[0])
    pointers = (each.data_ptr() for each in (*given, slopes, first))
    library().ddsp_recur_back(*pointers, *_sizes(gates), torch.get_num_threads())
    return slopes, first


def _fits(weight: Tensor) -> bool:
    return weight.shape[1] % ROUND == 0


def _sizes(gates: Tensor) -> tuple[int, int, int]:
    steps, clips, width = gates.shape
    return steps, clips, width // 4
