"""A bank of harmonics by large and small steps: of the order of 3 multiply-adds for each sine.

With k = base + r, where base advances by STEPS harmonics, and S, C = sin, cos (base theta),

    sum_k a_k sin(k theta) = sum_base (S sum_r a_k cos(r theta) + C sum_r a_k sin(r theta)).

The inner sines are found once a sample, the outer ones by a rotation for each step, restarted
every 64 harmonics from the exact phase, so that the error does not grow with their number.
"""

import triton
import triton.language as tl

from ddspcore.kernels.cuda.programs.phases import follow
from ddspcore.kernels.cuda.programs.sines import multiples, rotate, sine_cosine


@triton.jit
def locate(hops):
    """Return a program's hop, and the frame where it begins, of all items."""
    row = tl.program_id(0)
    return row.to(tl.int64), (row + row // hops).to(tl.int64)


@triton.jit
def reach(f0, harmonics, NYQUIST: tl.constexpr, STEPS: tl.constexpr):
    """Return how many harmonics a whole hop has below Nyquist, and how many at any time.

    Both are on the safe side and in whole steps. `f0` points to the frame where the hop begins.
    """
    f, g = tl.load(f0), tl.load(f0 + 1)
    most = harmonics * 1.0
    below = tl.minimum(NYQUIST / tl.maximum(f, g) - 1.0, most).to(tl.int32)
    top = tl.minimum(NYQUIST / tl.minimum(f, g) + 1.0, most).to(tl.int32)
    return tl.maximum(below, 0) // STEPS * STEPS, tl.cdiv(top, STEPS) * STEPS


@triton.jit
def start_step(turn, gain, sine, cosine, base):
    """Return sine and cosine at the harmonic `base + 1`, exact again every 64 harmonics."""
    if base % 64 == 0:
        sine, cosine = sine_cosine(turn * (base + 1))
        sine, cosine = gain * sine, gain * cosine
    return sine, cosine


@triton.jit
def add_step(
    total, slope, amplitudes, harmonics, base, place, f0_hz, sine, cosine, sines, cosines,
    NYQUIST: tl.constexpr, MASKED: tl.constexpr, SLOPED: tl.constexpr, STEPS: tl.constexpr,
):  # fmt: skip
    """Add the harmonics base + 1 to base + STEPS, and their slope in radians."""
    nothing = tl.zeros_like(total)
    of_sine, of_cosine, bend_sine, bend_cosine = nothing, nothing, nothing, nothing
    for r in tl.static_range(STEPS):
        k = base + r
        here = k < harmonics if MASKED else None
        a = tl.load(amplitudes + k, here)
        b = tl.load(amplitudes + harmonics + k, here)
        amplitude = a + place * (b - a)
        if MASKED:
            audible = here & ((k + 1) * f0_hz < NYQUIST)
            amplitude = tl.where(audible, amplitude, 0.0)
        if r == 0:
            of_sine += amplitude
        else:
            of_sine += amplitude * cosines[r - 1]
            of_cosine += amplitude * sines[r - 1]
            if SLOPED:
                bend_sine += amplitude * (r * cosines[r - 1])
                bend_cosine += amplitude * (r * sines[r - 1])
    total += sine * of_sine + cosine * of_cosine
    if SLOPED:
        number = (base + 1) * 1.0
        slope += number * (cosine * of_sine - sine * of_cosine)
        slope += cosine * bend_sine - sine * bend_cosine
    return total, slope


@triton.jit
def sound_hop(
    f0, amplitudes, motions, signal, slopes, hops, harmonics,
    HOP: tl.constexpr, NYQUIST: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write a block of a hop's samples and, unless `slopes` is None, their slopes by the phase.

    Shape: f0 [B,N], amplitudes [B,N,K], motions [B,N-1,3], signal and slopes [B,(N-1)*HOP], the
    slopes in 1/cycle.
    """
    row, frame = locate(hops)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    turn, f0_hz, place = follow(f0 + frame, motions + row * 3, j, HOP)
    below, top = reach(f0 + frame, harmonics, NYQUIST, STEPS)
    amplitudes += frame * harmonics
    sines, cosines = multiples(turn, STEPS - 1)
    by_sine, by_cosine = sine_cosine(turn * STEPS)
    sine, cosine = sines[0], cosines[0]
    sloped: tl.constexpr = slopes is not None
    total = tl.zeros([BLOCK], tl.float32)
    slope = tl.zeros([BLOCK], tl.float32)
    for masked in tl.static_range(2):
        for base in range(below if masked else 0, top if masked else below, STEPS):
            sine, cosine = start_step(turn, 1.0, sine, cosine, base)
            total, slope = add_step(
                total, slope, amplitudes, harmonics, base, place, f0_hz, sine, cosine,
                sines, cosines, NYQUIST, masked, sloped, STEPS,
            )  # fmt: skip
            sine, cosine = rotate(sine, cosine, by_sine, by_cosine)
    at = row * HOP + j
    tl.store(signal + at, total, j < HOP)
    if sloped:
        tl.store(slopes + at, slope * 6.283185307179586, j < HOP)


@triton.jit
def share_step(
    shares, harmonics, base, place, f0_hz, sine, cosine, sines, cosines,
    NYQUIST: tl.constexpr, MASKED: tl.constexpr, STEPS: tl.constexpr,
):  # fmt: skip
    """Write the shares of harmonics base + 1 to base + STEPS; the gradient is in sine, cosine."""
    for r in tl.static_range(STEPS):
        k = base + r
        wave = sine
        if r > 0:
            wave = sine * cosines[r - 1] + cosine * sines[r - 1]
        if MASKED:
            wave = tl.where((k + 1) * f0_hz < NYQUIST, wave, 0.0)
        here = k < harmonics if MASKED else None
        later = tl.sum(wave * place)
        tl.store(shares + k, tl.sum(wave) - later, here)
        tl.store(shares + harmonics + k, later, here)


@triton.jit
def share_hop(
    f0, motions, grad, shares, hops, harmonics,
    HOP: tl.constexpr, NYQUIST: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write what a block of a hop's gradient gives the amplitudes of the frames at its ends.

    Shape: grad [B,(N-1)*HOP], shares [B,N-1,blocks,2,K].
    """
    row, frame = locate(hops)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    shares += (row * tl.num_programs(1) + tl.program_id(1)) * 2 * harmonics
    turn, f0_hz, place = follow(f0 + frame, motions + row * 3, j, HOP)
    below, top = reach(f0 + frame, harmonics, NYQUIST, STEPS)
    of_signal = tl.load(grad + row * HOP + j, j < HOP, 0.0)
    sines, cosines = multiples(turn, STEPS - 1)
    by_sine, by_cosine = sine_cosine(turn * STEPS)
    sine, cosine = sines[0], cosines[0]
    for masked in tl.static_range(2):
        for base in range(below if masked else 0, top if masked else below, STEPS):
            sine, cosine = start_step(turn, of_signal, sine, cosine, base)
            share_step(
                shares, harmonics, base, place, f0_hz, sine, cosine, sines, cosines,
                NYQUIST, masked, STEPS,
            )  # fmt: skip
            sine, cosine = rotate(sine, cosine, by_sine, by_cosine)
    for base in range(top, harmonics, 32):
        k = base + tl.arange(0, 32)
        tl.store(shares + k, tl.zeros([32], tl.float32), k < harmonics)
        tl.store(shares + harmonics + k, tl.zeros([32], tl.float32), k < harmonics)


@triton.jit
def gather_shares(shares, of_amplitudes, hops, blocks, harmonics, BLOCK: tl.constexpr):
    """Add what the hop before and the hop after give a frame's amplitudes, in this order.

    Shape: shares [B,N-1,blocks,2,K], of_amplitudes [B,N,K].
    """
    frame = tl.program_id(0)
    k = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    item, n = frame // (hops + 1), frame % (hops + 1)
    hop = shares + (frame - item).to(tl.int64) * blocks * 2 * harmonics
    total = tl.zeros([BLOCK], tl.float32)
    if n > 0:
        before = hop - (blocks * 2 - 1) * harmonics
        for block in range(0, blocks):
            total += tl.load(before + block * 2 * harmonics + k, k < harmonics, 0.0)
    if n < hops:
        for block in range(0, blocks):
            total += tl.load(hop + block * 2 * harmonics + k, k < harmonics, 0.0)
    tl.store(of_amplitudes + frame.to(tl.int64) * harmonics + k, total, k < harmonics)
