"""Samples written by the hop and read by the block, in memory that is there from the start."""

import torch
from torch import Tensor


class Fifo:
    """A queue of at most `capacity` samples.

    Shape: what is written and read is [B,n], for any n.
    """

    def __init__(self, batch: int, capacity: int, device: torch.device):
        self.capacity = capacity
        self._start = self._end = 0
        self._buffer = torch.zeros(batch, 2 * capacity, device=device)

    def __len__(self) -> int:
        """Return how many samples can be read."""
        return self._end - self._start

    def write(self, samples: Tensor) -> None:
        """Append samples. Raises ValueError if there is no room for them."""
        count, waiting = samples.shape[1], len(self)
        if waiting + count > self.capacity:
            raise ValueError(f"no room for {count} samples: {waiting} of {self.capacity} wait")
        if self._end + count > self._buffer.shape[1]:
            # the buffer is twice the capacity, so what waits never overlaps where it goes
            self._buffer[:, :waiting] = self._buffer[:, self._start : self._end]
            self._start, self._end = 0, waiting
        self._buffer[:, self._end : self._end + count] = samples
        self._end += count

    def read(self, block: int) -> Tensor:
        """Take the next samples: a view, which holds until the next write.

        Raises ValueError if fewer wait.
        """
        if block > len(self):
            raise ValueError(f"{len(self)} samples wait, not {block}")
        self._start += block
        return self._buffer[:, self._start - block : self._start]
