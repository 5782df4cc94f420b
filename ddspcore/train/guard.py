"""Steps that are not taken: judged on the device, so that the host never waits to know."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ddspcore.recipe.schema import Guards

Sums = dict[str, Tensor]


class Guard:
    """Finds losses and gradients that are no finite numbers, and leaves out their steps.

    The fused optimisers read a flag under which weights and moments stay as they are. Where no step
    may be left out, only losses are watched, and the first step that had a bad one is remembered.
    """

    def __init__(self, guards: Guards, optimiser: torch.optim.Optimizer, device: torch.device):
        self.skips = guards.max_skipped > 0
        self.max_loss = guards.max_loss or torch.finfo(torch.float32).max
        self.first_bad = torch.full((), -1, dtype=torch.int64, device=device)
        self.skipped = torch.zeros((), dtype=torch.int64, device=device)
        """Steps left out since the last report."""
        self._bad = torch.zeros((), device=device)
        self._before: Sums = {}
        if self.skips:
            vars(optimiser)["found_inf"] = self._bad  # what a GradScaler sets

    def begin(self, sums: Sums) -> None:
        """Start a step without prejudice, from the sums of losses before it."""
        if self.skips:
            self._bad.zero_()
            self._before = dict(sums)

    def watch(self, loss: Tensor, step: int) -> None:
        """Look at the loss of a batch."""
        bad = ~(loss.detach().abs() <= self.max_loss)
        if self.skips:
            self._bad.masked_fill_(bad, 1.0)
        else:
            self.first_bad.masked_fill_(bad & (self.first_bad < 0), step)

    def judge(self, parameters: Sequence[nn.Parameter], sums: Sums) -> Sums:
        """Look at the gradient of a step, and decide whether it is taken.

        Returns the sums of losses with the step, or without it if it is left out.
        """
        if not self.skips:
            return sums
        gradients = [p.grad for p in parameters if p.grad is not None]
        self._bad.masked_fill_(~nn.utils.get_total_norm(gradients).isfinite(), 1.0)
        self.skipped += self._bad.to(torch.int64)
        return {
            name: torch.where(self._bad > 0, self._before.get(name, torch.zeros_like(total)), total)
            for name, total in sums.items()
        }

    def take_count(self) -> int:
        """Return how many steps were left out since this was last asked."""
        count = int(self.skipped)
        self.skipped.zero_()
        return count
