"""White noise as a hash of counters: any part of it can be had by itself, on any device."""

import functools
from typing import TypeVar

import torch
from torch import Tensor

CPU_BLOCK = 1 << 16
"""Numbers hashed at a time."""


def white_noise(items: Tensor, samples: int, key: int, offset: int) -> Tensor:
    """Return uniform noise in [-1, 1) that is a hash of (key, item, sample), from `offset` on.

    Integer arithmetic only. Items and samples count modulo 2**32; a key has 63 bits.

    Shape: items [B] int64 -> [B, samples] float32. Values are multiples of 2**-23.
    Source: 32-bit finaliser "lowbias32" (C. Wellons, hash-prospector), applied to a keyed counter.
    """
    lanes = _mix(_mix(to_int32(items) ^ to_int32(key)) + to_int32(key >> 31))[:, None]
    uniform = torch.empty(len(items), samples, dtype=torch.float32, device=items.device)
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
def _positions(start: int, end: int, offset: int, device: torch.device) -> Tensor:
    """Return what samples add to their hash, in every step the same; not to be written to."""
    counter = torch.arange(start, end, device=device, dtype=torch.int32)
    return _mix(counter + to_int32(offset))


def _uniform(bits: Tensor, out: Tensor) -> None:
    """Write the upper 24 of 32 bits as a number in [-1, 1), -1 being no bits."""
    torch.mul(bits.bitwise_xor_(-(1 << 31)) >> 8, 2.0**-23, out=out)


T = TypeVar("T", int, Tensor)


def to_int32(x: T) -> T:
    """Return the signed number that has the lowest 32 bits of `x`; tensors become int32."""
    signed = ((x & 0xFFFFFFFF) ^ (1 << 31)) - (1 << 31)
    return signed.int() if isinstance(signed, Tensor) else signed


def _mix(x: Tensor) -> Tensor:
    """Mix 32 bits in place: products wrap by themselves, and shifts are freed of their signs."""
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x *= 0x7FEB352D
    x ^= (x >> 15).bitwise_and_(0x1FFFF)
    x *= to_int32(0x846CA68B)
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    return x
