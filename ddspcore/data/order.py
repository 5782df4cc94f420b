"""The order in which a stage sees its items: any step can be asked for, none is replayed."""

import functools

import numpy as np
from numpy.typing import NDArray

from ddspcore.randomness import derive_seed


def indices(
    seed: int,
    label: str,
    step: int,
    batch: int,
    count: int,
    *,
    shuffle: bool = True,
) -> list[int]:
    """Return the items of one step: a pure function of its arguments.

    Steps of one label read an endless row of permutations, one for each epoch, so that each item is
    seen once before any is seen again; a batch may reach over the end of an epoch. Without
    `shuffle`, every epoch has the source's own order. Raises ValueError for a count of zero.
    """
    if count < 1:
        raise ValueError("there are no items to draw from")
    positions = range(step * batch, (step + 1) * batch)
    if not shuffle:
        return [position % count for position in positions]
    return [
        int(_permutation(seed, label, position // count, count)[position % count])
        for position in positions
    ]


@functools.lru_cache(maxsize=4)
def _permutation(seed: int, label: str, epoch: int, count: int) -> NDArray[np.int64]:
    """Sort the items by a hash: unlike a library's shuffle, the same in every version of it."""
    counter = np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.argsort(_mix(counter + np.uint64(derive_seed(seed, label, epoch))))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash 64 bits, one to one.

    Source: the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
