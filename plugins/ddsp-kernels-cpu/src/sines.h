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
INLINE Wave wave(Phases phase) {
    Phases turns = (phase + (1u << 29)) >> 30;
    Floats x = to_floats((Ints)(phase - (turns << 30))) * float(3.14159265358979 / (1ll << 31));
    Floats xx = x * x;
    // Fitted to sin(x) and cos(x) over |x| <= pi / 4.
    Floats s = fma(fma(all(-1.9496e-4f), xx, all(8.33198e-3f)), xx, all(-0.16666651f));
    s = fma(s * xx, x, x);
    Floats c = fma(fma(all(2.443845e-5f), xx, all(-1.3887368e-3f)), xx, all(4.1666647e-2f));
    c = fma(fma(c, xx, all(-0.5f)), xx, all(1.0f));
    Ints odd = (Ints) - (turns & 1);
    Phases sine_sign = turns << 30 & 1u << 31, cosine_sign = (turns + 1) << 30 & 1u << 31;
    return {(Floats)((Phases)select(odd, c, s) ^ sine_sign),
            (Floats)((Phases)select(odd, s, c) ^ cosine_sign)};
}

INLINE Wave doubled(Wave a) {
    Floats twice = a.sine + a.sine;
    return {twice * a.cosine, fma(-twice, a.sine, all(1.0f))};
}

INLINE Wave of_sum(Wave a, Wave b) {
    return {fma(a.sine, b.cosine, a.cosine * b.sine), fma(a.cosine, b.cosine, -a.sine * b.sine)};
}

// Fills a table of waves, row k = 0..count-1 with those of k times some phases. Products multiply
// the rounding of the first wave by k, so every 16th row is computed anew. The table has two rows
// at least.
INLINE void multiply(const Phases *phases, int64_t width, Wave *table, int64_t count) {
    for (int64_t u = 0; u < width; u++) {
        table[u] = {all(0.0f), all(1.0f)};
        table[width + u] = wave(phases[u]);
    }
    for (int64_t k = 2; k < std::min<int64_t>(count, 16); k++) {
        const Wave *half = table + k / 2 * width, *other = half + width;
        Wave *row = table + k * width;
        if (k % 2)
            for (int64_t u = 0; u < width; u++) row[u] = of_sum(half[u], other[u]);
        else
            for (int64_t u = 0; u < width; u++) row[u] = doubled(half[u]);
    }
    for (int64_t first = 16; first < count; first += 16) {
        Wave *far = table + first * width;
        for (int64_t u = 0; u < width; u++) far[u] = wave(phases[u] * uint32_t(first));
        for (int64_t k = 1; k < std::min<int64_t>(count - first, 16); k++)
            for (int64_t u = 0; u < width; u++)
                far[k * width + u] = of_sum(far[u], table[k * width + u]);
    }
}

}  // namespace ddsp
