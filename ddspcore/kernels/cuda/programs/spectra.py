"""Spectra seen as pairs of floats: their distance from magnitudes, and its gradient in place."""

import triton
import triton.language as tl


@triton.jit
def compare_spectra(
    spectra, targets, sums, total, linear, log, log_eps, scale,
    BINS: tl.constexpr, GRADIENT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write a block's share of the distance of `dsp.spectral_distance`, times `scale`.

    With GRADIENT, spectra become what the adjoint of rfft, an irfft, turns into the gradient of
    the frames: it counts every bin but the first and last twice.

    Shape: spectra [...,BINS,2] and targets [...,BINS] of `total` bins, sums [blocks].
    """
    block = tl.program_id(0)
    first, at = block.to(tl.int64) * BLOCK, tl.arange(0, BLOCK)
    here = at < total - first
    pair = spectra + first * 2 + at * 2
    real, imaginary = tl.load(pair, here, 0.0), tl.load(pair + 1, here, 0.0)
    target = tl.load(targets + first + at, here, 0.0)
    power = tl.fma(imaginary, imaginary, real * real)
    magnitude = tl.sqrt_rn(tl.maximum(power, 1.1754943508222875e-38))
    lifted = magnitude + log_eps
    difference = magnitude - target
    # Rounded quotients, so that equal magnitudes are at a distance of exactly 0.
    decades = tl.abs(tl.log(tl.div_rn(lifted, target + log_eps)))
    distance = tl.where(here, linear * tl.abs(difference) + log * decades, 0.0)
    tl.store(sums + block, tl.sum(distance) * scale)
    if GRADIENT:
        number = ((first % BINS).to(tl.int32) + at) % BINS
        edge = (number == 0) | (number == BINS - 1)
        sign = tl.where(difference > 0.0, scale, tl.where(difference < 0.0, -scale, 0.0))
        slope = sign * tl.where(edge, 1.0, 0.5) * (log / lifted + linear) / magnitude
        tl.store(pair, real * slope, here)
        tl.store(pair + 1, imaginary * slope, here)
