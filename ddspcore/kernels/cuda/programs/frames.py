"""Frames cut from signals and added up to signals, weighted and padded on the way."""

import triton
import triton.language as tl


@triton.jit
def cut_frames(
    signal, weights, frames, length, count, before,
    REFLECTED: tl.constexpr, WINDOW: tl.constexpr, HOP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write frames of a padded signal, times weights; frame n begins `before` ahead of n * HOP.

    Shape: signal [B,length], weights [WINDOW] or None, frames [B,count,WINDOW].
    """
    item = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n, i = at // WINDOW, at % WINDOW
    t = n * HOP + i - before
    if REFLECTED:
        t = tl.abs(t)
        t = tl.minimum(t, 2 * (length - 1) - t)
    here = n < count
    value = tl.load(signal + item * length + t, here & (t >= 0) & (t < length), 0.0)
    if weights is not None:
        value *= tl.load(weights + i)
    tl.store(frames + item * count * WINDOW + at, value, here)


@triton.jit
def sum_frames(
    frames, weights, position, here, count, WINDOW: tl.constexpr, HOP: tl.constexpr
):  # fmt: skip
    """Return what an item's frames hold at positions of the padded signal, summed, the last first.

    The order is always the same, so the sum is too.
    """
    total = tl.zeros(position.shape, tl.float32)
    for back in range(0, (WINDOW + HOP - 1) // HOP):
        n = position // HOP - back
        i = position - n * HOP
        held = here & (n >= 0) & (n < count) & (i < WINDOW)
        value = tl.load(frames + n * WINDOW + i, held, 0.0)
        if weights is not None:
            value *= tl.load(weights + i, held, 0.0)
        total += value
    return total


@triton.jit
def add_frames(
    frames, weights, signal, length, count, before,
    REFLECTED: tl.constexpr, ADDED: tl.constexpr,
    WINDOW: tl.constexpr, HOP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write, or add to what is there, the adjoint of `cut_frames`: each sample gathers its frames.

    Shape: frames [B,count,WINDOW], weights [WINDOW] or None, signal [B,length].
    """
    item = tl.program_id(1).to(tl.int64)
    first = tl.program_id(0) * BLOCK
    t = first + tl.arange(0, BLOCK)
    here = t < length
    frames += item * count * WINDOW
    total = sum_frames(frames, weights, before + t, here, count, WINDOW, HOP)
    if REFLECTED:
        # What lies before the first sample mirrors 1, 2, ...; what lies after the last, likewise.
        last = length - 1
        if first <= before:
            mirrored = (t >= 1) & (t <= before)
            total += sum_frames(frames, weights, before - t, mirrored, count, WINDOW, HOP)
        end = (count - 1) * HOP + WINDOW
        if before + 2 * last - (first + BLOCK) < end:
            beyond = before + 2 * last - t
            mirrored = (t < last) & (beyond < end)
            total += sum_frames(frames, weights, beyond, mirrored, count, WINDOW, HOP)
    signal += item * length + t
    if ADDED:
        total += tl.load(signal, here, 0.0)
    tl.store(signal, total, here)
