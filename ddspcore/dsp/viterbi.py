"""The best path through a lattice of candidates."""

import torch
from torch import Tensor


def smoothest_path(scores: Tensor, positions: Tensor, present: Tensor, cost: float) -> Tensor:
    """Choose one candidate a step: the largest sum of scores less `cost` times the way travelled.

    The way is the sum of |position change|; steps from and to a candidate that is not `present`
    are free, so that a gap ties nothing together.

    Shape: scores, positions, present (bool) [B,N,K] -> indices [B,N] int64.
    Source: the Viterbi algorithm.
    """
    came_from = []
    weights = present.to(scores.dtype)
    total = scores[:, 0]
    for n in range(1, scores.shape[1]):
        way = (positions[:, n, :, None] - positions[:, n - 1, None, :]).abs()
        way = way * weights[:, n, :, None] * weights[:, n - 1, None, :]
        best, origin = (total[:, None, :] - cost * way).max(-1)
        came_from.append(origin)
        total = best + scores[:, n]
    choice = total.argmax(-1, keepdim=True)
    path = [choice]
    for origin in reversed(came_from):
        choice = origin.gather(-1, choice)
        path.append(choice)
    return torch.cat(path[::-1], -1)
