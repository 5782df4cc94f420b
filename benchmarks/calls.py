"""Pieces of work as calls without arguments."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def calling(function: Callable[[], Tensor], leaves: Sequence[Tensor] = ()) -> Callable[[], object]:
    """Return a call that evaluates a function and, if there are leaves, its gradients in them."""
    if not leaves:

        def forward() -> Tensor:
            with torch.no_grad():
                return function()

        return forward
    for leaf in leaves:
        leaf.requires_grad_()
    return lambda: torch.autograd.grad(function().sum(), leaves)
