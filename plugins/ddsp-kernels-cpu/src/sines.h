// Sines and cosines of an angle and of its multiples.
#pragma once

#include <algorithm>

#include "vector.h"

namespace ddsp {

struct Wave {
    Floats sine, cosine;
};

// The wave of a phase in units of 2^-32 cycle: the quarter turn nearest to it, and polynomials for
// the rest (at most an eighth of a turn; errors below 1e-7).
INLINE Wave wave(Ints phase) {
    Ints turns = (phase + (1 << 29)) >> 30;
    Floats x = to_floats(phase - (turns << 30)) * float(3.14159265358979 / (1ll << 31));
    Floats xx = x * x;
    // Fitted to sin(x) and cos(x) over |x| <= pi / 4.
    Floats s = fma(fma(all(-1.9496e-4f), xx, all(8.33198e-3f)), xx, all(-0.16666651f));
    s = fma(s * xx, x, x);
    Floats c = fma(fma(all(2.443845e-5f), xx, all(-1.3887368e-3f)), xx, all(4.1666647e-2f));
    c = fma(fma(c, xx, all(-0.5f)), xx, all(1.0f));
    Ints odd = -(turns & 1);
    Ints sine_sign = turns << 30 & INT32_MIN, cosine_sign = (turns + 1) << 30 & INT32_MIN;
    return {(Floats)((Ints)select(odd, c, s) ^ sine_sign),
            (Floats)((Ints)select(odd, s, c) ^ cosine_sign)};
}

INLINE Wave doubled(Wave a) {
    Floats twice = a.sine + a.sine;
    return {twice * a.cosine, fma(-twice, a.sine, all(1.0f))};
}

INLINE Wave of_sum(Wave a, Wave b) {
    return {fma(a.sine, b.cosine, a.cosine * b.sine), fma(a.cosine, b.cosine, -a.sine * b.sine)};
}

// Fills waves[k * stride], k = 0..count-1, with those of k phases. Products multiply the rounding
// of the first wave by k, so every 16th is computed anew.
INLINE void multiply(Ints phase, Wave *waves, uint64_t count, uint64_t stride) {
    waves[0] = {all(0.0f), all(1.0f)};
    waves[stride] = wave(phase);
    for (uint64_t k = 2; k < std::min<uint64_t>(count, 16); k++) {
        Wave half = waves[k / 2 * stride];
        waves[k * stride] = k % 2 ? of_sum(half, waves[(k / 2 + 1) * stride]) : doubled(half);
    }
    for (uint64_t first = 16; first < count; first += 16) {
        Wave far = wave(phase * int32_t(first));
        waves[first * stride] = far;
        for (uint64_t k = 1; k < std::min<uint64_t>(count - first, 16); k++)
            waves[(first + k) * stride] = of_sum(far, waves[k * stride]);
    }
}

}  // namespace ddsp
