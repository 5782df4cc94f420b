"""Seeded randomness that depends on names and steps, never on what ran before."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ddspcore.kernels import white_noise as keyed_noise


def derive_seed(*parts: int | str) -> int:
    """Return 63 bits that depend on every part and on nothing else."""
    text = "\0".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


@contextmanager
def forked(*parts: int | str) -> Iterator[None]:
    """Run a block under torch generators seeded by `parts`, and restore them afterwards.

    As `torch.random.fork_rng` with `torch.manual_seed`, which take ten times as long: a step
    forks.
    """
    seed = derive_seed(*parts)
    generators = [torch.default_generator]
    if torch.cuda.is_initialized():
        generators += torch.cuda.default_generators
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    states = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def white_noise(
    items: torch.Tensor, samples: int, *, seed: int, step: int, label: str, offset: int = 0
) -> torch.Tensor:
    """Return uniform noise in [-1, 1) that is a hash of (seed, step, label, item, sample).

    Integer arithmetic only, so it is the same on every device and for any block size: a block
    that starts at sample `offset` equals that part of a longer one. Items and samples count
    modulo 2**32.

    Shape: items [B] int64 -> [B, samples] float32. Values are multiples of 2**-23.
    """
    return keyed_noise(items, samples, derive_seed(seed, step, label), offset)
