"""An exponential moving average of weights, which metrics and checkpoints see instead of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The running average of a module's floating-point state; without a decay, the state itself."""

    def __init__(self, module: nn.Module, decay: float | None):
        self.module = module
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in self._averaged()}

    def _averaged(self) -> list[tuple[str, Tensor]]:
        if self.decay is None:
            return []
        state = self.module.state_dict()
        return [(name, value) for name, value in state.items() if value.is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the current weights; early steps move faster, so the start is forgotten.

        The decay at step n is min(decay, (1 + n) / (10 + n)), as usual in the field.
        """
        if self.decay is None:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        names, values = zip(*self._averaged(), strict=True)
        torch._foreach_lerp_([self.state[name] for name in names], list(values), 1 - decay)

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Run a block with the averaged weights in the module."""
        current = [(value, value.detach().clone()) for _, value in self._averaged()]
        with torch.no_grad():
            for name, value in self._averaged():
                value.copy_(self.state[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for value, before in current:
                    value.copy_(before)
