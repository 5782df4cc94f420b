// From the spectra of frames to their distance from a target, and back to its gradient.
#pragma once

#include <cfloat>
#include <cmath>

#include "frames.h"

namespace ddsp {

const double LN_2 = 0.69314718055994530942;

// distance = linear |m - t| + log |ln((m + eps) / (t + eps))| for each bin.
struct Terms {
    float linear, log, eps;
};

// Sums over bins, for each lane. Logarithms are summed as the logarithm of a product, whose
// exponent is kept apart.
class Sums {
  public:
    INLINE void add(Floats distance, Floats ratio) {
        linear_ += distance;
        Ints bits = (Ints)(product_ * ratio);
        exponent_ += bits >> 23;
        product_ = (Floats)((bits & 0x7fffff) | 0x3f800000);
    }

    // To be called every few hundred bins: single precision holds no longer sum.
    INLINE void settle() {
        for (int lane = 0; lane < LANES; lane++) settled_[lane] += linear_[lane];
        linear_ = Floats{};
    }

    double linear(int lane) const { return settled_[lane] + double(linear_[lane]); }
    double log(int lane, int64_t bins) const {
        return (exponent_[lane] - 127 * bins) * LN_2 + std::log(double(product_[lane]));
    }

  private:
    Floats linear_{}, product_ = all(1);
    Ints exponent_{};
    double settled_[LANES] = {};
};

// |x|, not under 1e-19.
INLINE Floats modulus(Complex x) {
    Floats root = x.re * x.re + (x.im * x.im + FLT_MIN);
    for (int lane = 0; lane < LANES; lane++) root[lane] = __builtin_sqrtf(root[lane]);
    return root;
}

// Adds a bin to the sums; returns its d distance / d magnitude / magnitude. A NaN stays one.
INLINE Floats slope(Complex x, Floats target, Terms terms, Sums &sums) {
    Floats magnitude = modulus(x);
    Floats difference = magnitude - target;
    Floats lifted = magnitude + terms.eps, target_lifted = target + terms.eps;
    Ints below = (Ints)difference < 0;
    Floats larger = below ? target_lifted : lifted, smaller = below ? lifted : target_lifted;
    sums.add((Floats)((Ints)difference & INT32_MAX), larger / smaller);
    Floats size = (terms.linear * lifted + terms.log) / (lifted * magnitude);
    Ints sign = (Ints)difference & INT32_MIN, unequal = difference != 0.0f;
    return (Floats)(((Ints)size | sign) & unequal);
}

// The spectrum of a real signal of 2M samples, from the transform Z of its even samples plus i
// times its odd ones. With the twiddle w = exp(-i pi k / M), two bins are, times two,
//     X[k] = S + w D,  conj X[M - k] = S - w D,
//     S = Z[k] + conj Z[M - k],  D = (Z[k] - conj Z[M - k]) / i.
INLINE void unfold(const Complex &a, const Complex &b, const float *twiddle, Complex &x,
                   Complex &mirrored) {
    Complex even{a.re + b.re, a.im - b.im}, odd{a.im + b.im, b.re - a.re};
    Complex turned{odd.re * twiddle[0] - odd.im * twiddle[1],
                   odd.re * twiddle[1] + odd.im * twiddle[0]};
    x = {even.re + turned.re, even.im + turned.im};
    mirrored = {even.re - turned.re, even.im - turned.im};
}

// The adjoint.
INLINE void fold(Complex x, Complex mirrored, const float *twiddle, Complex &a, Complex &b) {
    Complex even{x.re + mirrored.re, x.im + mirrored.im};
    Complex odd{mirrored.im - x.im, x.re - mirrored.re};
    Complex turned{odd.re * twiddle[0] + odd.im * twiddle[1],
                   odd.im * twiddle[0] - odd.re * twiddle[1]};
    a = {even.re + turned.re, even.im + turned.im};
    b = {even.re - turned.re, turned.im - even.im};
}

// z has what Fft::forward left of LANES frames under half a window, and gets the gradient ready for
// Fft::backward. Each of the short loops overlaps its divisions; in one, they would wait for the
// sums before them. `next_targets` will be asked for next time.
template <bool Gradient>
void compare(Complex *z, const Fft &fft, const float *twiddles, const float *const targets[LANES],
             const float *next_targets, Terms terms, Sums &total) {
    const int64_t half = fft.size(), middle = half / 2;
    Sums sums = total;
    for (int64_t bin = 0; bin < middle; bin += 4) {
        for (int i = 0; i < LANES / 2; i++)
            __builtin_prefetch(next_targets + 2 * LANES * bin + 16 * i, 0, 2);
        Complex x[8];
        Floats target[8], mirrored[4];
        load_columns(targets, bin, target);
        load_columns(targets, half - bin - 3, mirrored);
        for (int i = 0; i < 4; i++) target[4 + i] = mirrored[3 - i];
        if (bin == 0) {
            x[0] = {2 * (z->re + z->im), Floats{}};
            x[4] = {2 * (z->re - z->im), Floats{}};
        }
        for (int i = bin == 0; i < 4; i++)
            unfold(z[fft.place(bin + i)], z[fft.place(half - bin - i)], twiddles + 2 * (bin + i),
                   x[i], x[4 + i]);
        for (int i = 0; i < 8; i++) {
            Floats g = slope(x[i], target[i], terms, sums);
            x[i] = {g * x[i].re, g * x[i].im};
        }
        if (bin % 64 == 0) sums.settle();
        if (!Gradient) continue;
        if (bin == 0) *z = {2 * (x[0].re + x[4].re), 2 * (x[0].re - x[4].re)};
        for (int i = bin == 0; i < 4; i++)
            fold(x[i], x[4 + i], twiddles + 2 * (bin + i), z[fft.place(bin + i)],
                 z[fft.place(half - bin - i)]);
    }
    Floats target;
    for (int lane = 0; lane < LANES; lane++) target[lane] = targets[lane][middle];
    Complex &a = z[fft.place(middle)];
    a = {2 * a.re, -2 * a.im};
    Floats g = 2 * slope(a, target, terms, sums);
    a = {g * a.re, -g * a.im};
    total = sums;
}

}  // namespace ddsp
