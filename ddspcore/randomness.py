"""Seeded randomness that depends on names and steps, never on what ran before."""

import functools
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
    uniform = torch.empty(len(items), samples, device=items.device)
    # A block at a time stays in a CPU's cache; a GPU takes all at once.
    block = CPU_BLOCK if items.device.type == "cpu" else max(1, uniform.numel())
    some = max(1, block // max(1, samples))
    for start in range(0, samples, block):
        end = min(start + block, samples)
        counter = _positions(start, end, offset, items.device)
        for keys, rows in zip(lanes.split(some), uniform.split(some), strict=True):
            _uniform(_mix(counter ^ keys), out=rows[:, start:end])
    return uniform


@functools.lru_cache(maxsize=4)
def _positions(start: int, end: int, offset: int, device: torch.device) -> torch.Tensor:
    """Return what samples add to their hash, in every step the same; not to be written to."""
    counter = torch.arange(start, end, device=device, dtype=torch.int32)
    return _mix(counter + _int32(offset))


def _uniform(bits: torch.Tensor, out: torch.Tensor) -> None:
    """Write the upper 24 of 32 bits as a number in [-1, 1), -1 being no bits."""
    torch.mul(bits.bitwise_xor_(-(1 << 31)) >> 8, 2.0**-23, out=out)


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
