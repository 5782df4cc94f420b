"""An exponential moving average of weights, which metrics and checkpoints see instead of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The running average of a module's floating-point state; without a decay, the state itself."""

    def __init__(self, module: nn.Module, decay: float | None):
        self.decay = decay
        state = {} if decay is None else module.state_dict()
        self.current = {name: value for name, value in state.items() if value.is_floating_point()}
        self.state = {name: value.clone() for name, value in self.current.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the current weights; early steps move faster, so the start is forgotten.

        The decay at step n is min(decay, (1 + n) / (10 + n)), as usual in the field.
        """
        if self.decay is None:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        values = list(self.current.values())
        torch._foreach_lerp_(list(self.state.values()), values, 1 - decay)

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Run a block with the averaged weights in the module."""
        before = {name: value.clone() for name, value in self.current.items()}
        self._write(self.state)
        try:
            yield
        finally:
            self._write(before)

    def _write(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.current.items():
                value.copy_(values[name])
