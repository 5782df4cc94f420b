"""White noise as a hash of counters: `dsp.white`, in unsigned arithmetic, to the last bit."""

import triton
import triton.language as tl


@triton.jit
def mix(x):
    """Mix 32 bits: "lowbias32"."""
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit(do_not_specialize=["low", "high", "offset"])
def hash_counters(items, white, samples, low, high, offset, BLOCK: tl.constexpr):
    """Write a block of an item's noise; a key is in two parts, of 32 bits like the offset.

    Shape: items [B] int64, white [B,samples].
    """
    row = tl.program_id(1).to(tl.int64)
    lane = mix(mix(tl.load(items + row).to(tl.uint32) ^ low.to(tl.uint32)) + high.to(tl.uint32))
    sample = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    bits = mix(mix(sample.to(tl.uint32) + offset.to(tl.uint32)) ^ lane)
    number = (bits >> 8).to(tl.float32) * (1.0 / (1 << 23)) - 1.0
    tl.store(white + row * samples + sample, number, sample < samples)
