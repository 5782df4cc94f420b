"""Sines and cosines of integer phases, and of their multiples by rotation."""

import triton
import triton.language as tl


@triton.jit
def sine_cosine(turn):
    """Return sine and cosine of phases in units of 2**-32 cycle (int32), to 1e-7.

    The phase is an integer, so the reduction to an eighth of a cycle is exact. The polynomials
    are minimax fits there: 4e-9 and 1e-10.
    """
    quarter = (turn + (1 << 29)) >> 30
    x = (turn - (quarter << 30)).to(tl.float32) * 1.4629180792671596e-9
    z = x * x
    s = (-1.9517299e-4 * z + 8.332178e-3) * z - 1.6666655e-1
    s = s * z * x + x
    c = (2.4438452e-5 * z - 1.3887368e-3) * z + 4.1666646e-2
    c = c * z * z - 0.5 * z + 1.0
    odd = (quarter & 1) != 0
    sine, cosine = tl.where(odd, c, s), tl.where(odd, s, c)
    sine = tl.where((quarter & 2) != 0, -sine, sine)
    cosine = tl.where(((quarter + 1) & 2) != 0, -cosine, cosine)
    return sine, cosine


@triton.jit
def rotate(sine, cosine, by_sine, by_cosine):
    """Return sine and cosine of the sum of two angles."""
    return sine * by_cosine + cosine * by_sine, cosine * by_cosine - sine * by_sine


@triton.jit
def multiples(turn, COUNT: tl.constexpr):
    """Return the sines and the cosines of 1, 2, ... COUNT times a phase, as two tuples."""
    sine, cosine = sine_cosine(turn)
    sines, cosines = (sine,), (cosine,)
    for _ in tl.static_range(COUNT - 1):
        s, c = rotate(sines[-1], cosines[-1], sine, cosine)
        sines, cosines = sines + (s,), cosines + (c,)
    return sines, cosines
