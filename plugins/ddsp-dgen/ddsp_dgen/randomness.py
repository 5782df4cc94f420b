"""The reference's random numbers: one generator for weights and order, another for noise.

Source: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014); xorshift (Marsaglia, JSS 8, 2003).
"""

import functools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GAMMA = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
LEVELS = 0xFFFF

T = TypeVar("T")


class SplitMix64:
    """The stream of 64-bit draws of a seed, from draw number `skip` on."""

    def __init__(self, seed: int, skip: int = 0):
        self.first = seed or GAMMA
        self.taken = skip

    def draws(self, count: int) -> NDArray[np.uint64]:
        """Return the next draws: the state only counts, so all come at once."""
        number = np.arange(self.taken + 1, self.taken + count + 1, dtype=np.uint64)
        self.taken += count
        x = np.uint64(self.first) + number * np.uint64(GAMMA)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))

    def below(self, bound: int) -> int:
        """Return a fair number from 0 to bound - 1.

        Source: Lemire, Fast random integer generation in an interval (TOMACS 2019).
        """
        unfair = 2**64 % bound
        while True:
            product = int(self.draws(1)[0]) * bound
            if product & MASK >= unfair:
                return product >> 64

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in another order: Fisher and Yates, from the front."""
        order = list(items)
        for place in range(len(order) - 1):
            other = place + self.below(len(order) - place)
            order[place], order[other] = order[other], order[place]
        return order

    def weights(self, rows: int, columns: int, scale: float) -> Tensor:
        """Return 65536 evenly spaced levels on [-scale, scale]. Shape: [rows, columns]."""
        low = self.draws(rows * columns) & np.uint64(LEVELS)
        values = (2.0 * low.astype(np.float64) / LEVELS - 1.0) * scale
        return torch.tensor(values.reshape(rows, columns), dtype=torch.float32)


@functools.lru_cache(maxsize=4)
def xorshift_noise(count: int) -> NDArray[np.float32]:
    """Return the noise that every forward of the reference hears: in [0, 1), so its mean is 0.5."""
    state, values = 1, []
    for _ in range(count):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        values.append(state / 2.0**32)
    return np.array(values, np.float32)
