"""Seeded randomness that depends on names and steps, never on what ran before."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

CPU_BLOCK = 1 << 16
"""Numbers hashed at a time."""


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
    Source: 32-bit finaliser "lowbias32" (C. Wellons, hash-prospector), applied to a keyed counter.
    """
    key = derive_seed(seed, step, label)
    lanes = _mix(_mix(_int32(items) ^ _int32(key)) + _int32(key >> 31))[:, None]
    counter = torch.arange(samples, device=items.device, dtype=torch.int32) + _int32(offset)
    _mix(counter)
    # A few items at a time stay in a CPU's cache; a GPU takes all at once.
    some = max(1, CPU_BLOCK // max(1, samples)) if items.device.type == "cpu" else len(items)
    return torch.cat([_uniform(_mix(counter ^ lane)) for lane in lanes.split(some)])


def _uniform(bits: torch.Tensor) -> torch.Tensor:
    """Return the upper 24 of 32 bits as a number in [-1, 1)."""
    return (bits >> 8).bitwise_and_(0xFFFFFF).float().mul_(2.0**-23).sub_(1.0)


T = TypeVar("T", int, torch.Tensor)


def _int32(x: T) -> T:
    """Return the signed number that has the lowest 32 bits of `x`; tensors become int32."""
    signed = ((x & 0xFFFFFFFF) ^ (1 << 31)) - (1 << 31)
    return signed.int() if isinstance(signed, torch.Tensor) else signed


def _mix(x: torch.Tensor) -> torch.Tensor:
    """Mix 32 bits in place: products wrap by themselves, and shifts are freed of their signs."""
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x *= 0x7FEB352D
    x ^= (x >> 15).bitwise_and_(0x1FFFF)
    x *= _int32(0x846CA68B)
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    return x
