"""The exact integer phase of `dsp.oscillators.integer_phase`, from frames to samples and back."""

import triton
import triton.language as tl


@triton.jit
def whole_f0(f0_hz):
    """Return frequencies in units of 2**-24 Hz, rounded half to even."""
    fine = f0_hz * 16777216.0
    shift = tl.where(fine < 0.0, -8388608.0, 8388608.0)
    return tl.where(tl.abs(fine) < 8388608.0, (fine + shift) - shift, fine).to(tl.int64)


@triton.jit
def divide_down(x, DIVISOR: tl.constexpr):
    """Divide integers rounding down, as Python does; Triton rounds towards 0."""
    quotient = x // DIVISOR
    return tl.where(x < quotient * DIVISOR, quotient - 1, quotient)


@triton.jit
def begin_hops(
    f0, start, motions, hops, HOP: tl.constexpr, RATE: tl.constexpr, BLOCK: tl.constexpr
):
    """Write where each hop's phase begins and how it moves; a program for each item.

    Shape: f0 [B,N], start [B] int64 or None, motions [B,N-1,3] int64: phase, step and bend.
    """
    item = tl.program_id(0).to(tl.int64)
    cycle: tl.constexpr = 2 * RATE << 24
    before = tl.full([], 0, tl.int64)
    if start is not None:
        before = (tl.load(start + item) % cycle + cycle) % cycle
    for first in range(0, hops, BLOCK):
        n = first + tl.arange(0, BLOCK)
        here = n < hops
        frame = f0 + item * (hops + 1) + n
        f = whole_f0(tl.load(frame, here, 0.0))
        rise = whole_f0(tl.load(frame + 1, here, 0.0)) - f
        advance = (2 * HOP * f + (HOP - 1) * rise) % cycle
        phase = (tl.cumsum(advance) - advance + before) % cycle
        before = (before + tl.sum(advance)) % cycle
        motion = motions + (item * hops + n) * 3
        tl.store(motion, (phase << 20) // RATE, here)
        tl.store(motion + 1, divide_down(f << 21, RATE), here)
        tl.store(motion + 2, divide_down(rise << 21, 2 * HOP * RATE), here)


@triton.jit
def follow(f0, motion, j, HOP: tl.constexpr):
    """Return a hop's samples j: phase in 2**-32 cycle (int32), frequency in Hz, place in the hop.

    `f0` points to the frame where the hop begins, `motion` to its own three numbers. The frequency
    is `torch.lerp` to the last bit: the mask at Nyquist is a matter of one.
    """
    j_long = j.to(tl.int64)
    curve = tl.load(motion + 2) * (j_long * (j_long - 1))
    phase = tl.load(motion) + tl.load(motion + 1) * j_long + curve
    f, g = tl.load(f0), tl.load(f0 + 1)
    place = tl.div_rn(j.to(tl.float32), HOP * 1.0)
    early = place < 0.5
    f0_hz = tl.fma(tl.where(early, place, place - 1.0), g - f, tl.where(early, f, g))
    return (phase >> 13).to(tl.int32), f0_hz, place


@triton.jit
def weigh_hop(grad, slope, sums, HOP: tl.constexpr, BLOCK: tl.constexpr):
    """Sum the gradient of a hop's phases as `dsp.oscillators.phase_to_f0` weighs it.

    Shape: grad and slope [rows,HOP], whose product it is; sums [rows,3]: whole, earlier, later.
    """
    row = tl.program_id(0).to(tl.int64)
    whole = tl.zeros([BLOCK], tl.float32)
    moment = tl.zeros([BLOCK], tl.float32)
    later = tl.zeros([BLOCK], tl.float32)
    for first in range(0, HOP, BLOCK):
        j = first + tl.arange(0, BLOCK)
        here = j < HOP
        at = row * HOP + j
        of_phase = tl.load(grad + at, here, 0.0) * tl.load(slope + at, here, 0.0)
        place = j.to(tl.float32)
        whole += of_phase
        moment += of_phase * place
        later += of_phase * (place * (place - 1.0) * (0.5 / HOP))
    tl.store(sums + row * 3, tl.sum(whole))
    tl.store(sums + row * 3 + 1, tl.sum(moment - later))
    tl.store(sums + row * 3 + 2, tl.sum(later))


@triton.jit
def gather_f0(sums, of_f0, hops, HOP: tl.constexpr, RATE: tl.constexpr, BLOCK: tl.constexpr):
    """Add what each frequency does to its two hops and to all phases after; a program an item.

    Shape: sums [B,N-1,3] of `weigh_hop`, of_f0 [B,N].
    """
    item = tl.program_id(0).to(tl.int64)
    blocks = tl.cdiv(hops + 1, BLOCK)
    beyond = tl.full([], 0.0, tl.float32)
    for block in range(0, blocks):
        n = (blocks - 1 - block) * BLOCK + tl.arange(0, BLOCK)
        hop = sums + (item * hops + n) * 3
        own = n < hops
        whole = tl.load(hop, own, 0.0)
        since = tl.cumsum(whole, reverse=True) + beyond
        after = since - whole
        earlier = tl.load(hop + 1, own, 0.0) + after * (0.5 * (HOP + 1))
        later = tl.load(hop - 1, (n > 0) & (n <= hops), 0.0) + since * (0.5 * (HOP - 1))
        later = tl.where(n > 0, later, 0.0)
        tl.store(of_f0 + item * (hops + 1) + n, (earlier + later) / RATE, n <= hops)
        beyond += tl.sum(whole)
