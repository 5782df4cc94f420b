"""Global generators of random numbers: put at a known place, and watched."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def generators_at(seed: int) -> Iterator[None]:
    """Put every global generator at a known place, and back afterwards."""
    saved = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(saved[0])
            np.random.set_state(saved[1])


@contextmanager
def draws_from_global_generators() -> Iterator[list[str]]:
    """Yield a list that afterwards names the global generators that the block drew from."""
    moved: list[str] = []
    with generators_at(3):
        before = _states()
        yield moved
        moved += [name for name, state in _states().items() if state != before[name]]


def _states() -> dict[str, str]:
    return {
        "torch's generator": str(torch.get_rng_state().tolist()),
        "numpy's generator": str(np.random.get_state()),
        "Python's generator": str(random.getstate()),
    }
