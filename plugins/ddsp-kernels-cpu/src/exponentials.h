// Exponentials and logarithms of vectors, to 1e-7.
#pragma once

#include "vector.h"

namespace ddsp {

// 2^y = 2^n 2^f with |f| <= 1/2, 2^f by its Taylor series; exponents end at +-126.
INLINE Floats power_of_two(Floats y) {
    y = select(y > 126.0f, all(126), select(y < -126.0f, all(-126), y));  // a NaN stays one
    Floats whole = (y + 12582912.0f) - 12582912.0f;
    Floats f = y - whole;
    Floats power = all(1.54035304e-4f);
    power = fma(power, f, all(1.33335581e-3f));
    power = fma(power, f, all(9.61812911e-3f));
    power = fma(power, f, all(5.55041087e-2f));
    power = fma(power, f, all(0.240226507f));
    power = fma(power, f, all(0.693147181f));
    power = fma(power, f, all(1));
    return power * (Floats)((__builtin_convertvector(whole, Ints) + 127) << 23);
}

// The logarithm to the base of 2 of what is positive: of its mantissa m, from 1 / sqrt(2) on, it is
// twice the area tangent of (m - 1) / (m + 1).
INLINE Floats log2_of(Floats x) {
    const int32_t least = 0x3f3504f3;
    Ints above = ((Ints)x - least) & ~0x7fffff;
    Floats m = (Floats)((Ints)x - above);
    Floats t = (m - 1.0f) / (m + 1.0f), square = t * t;
    Floats sum = all(0.32059889f);
    sum = fma(sum, square, all(0.41219858f));
    sum = fma(sum, square, all(0.57707802f));
    sum = fma(sum, square, all(0.96179669f));
    sum = fma(sum, square, all(2.88539008f));
    return select(x == x, fma(sum, t, to_floats(above >> 23)), x);  // a NaN stays one
}

// 2 sigmoid(x)^ln(10) + 1e-7
INLINE Floats exp_sigmoid(Floats x) {
    Floats log2_sigmoid = -log2_of(1.0f + power_of_two(x * -1.44269504f));
    return fma(all(2), power_of_two(log2_sigmoid * 2.30258509f), all(1e-7f));
}

// The slope of `exp_sigmoid` where it is y.
INLINE Floats exp_sigmoid_slope(Floats y) {
    Floats power = y - 1e-7f;
    power = select(power < 1e-37f, all(1e-37f), power);
    return 2.30258509f * power * (1.0f - power_of_two(log2_of(0.5f * power) * 0.43429448f));
}

// 1 / (1 + exp(-x))
INLINE Floats sigmoid(Floats x) { return 1.0f / (1.0f + power_of_two(x * -1.44269504f)); }

// The share of a normal distribution above `size`, which is not negative.
INLINE Floats normal_above(Floats size) {
    Floats a = select(size > 6.0f, all(6), size);
    // Fitted to log2(erfc(a / sqrt(2)) / 2), for the least error of `size` times it.
    Floats y = all(-5.856221e-7f);
    y = fma(y, a, all(9.771481e-6f));
    y = fma(y, a, all(-2.9609137e-5f));
    y = fma(y, a, all(-5.66327e-4f));
    y = fma(y, a, all(7.7209505e-3f));
    y = fma(y, a, all(-5.305965e-2f));
    y = fma(y, a, all(-0.45895237f));
    y = fma(y, a, all(-1.1511588f));
    y = fma(y, a, all(-0.99999636f));
    return power_of_two(y);
}

// x times the share of a normal distribution below x.
INLINE Floats gelu(Floats x) {
    Floats size = select(x < 0.0f, -x, x);
    return select(x > 0.0f, x, Floats{}) - size * normal_above(size);
}

INLINE Floats gelu_slope(Floats x) {
    Floats above = normal_above(select(x < 0.0f, -x, x));
    Floats density = 0.39894228f * power_of_two(x * x * -0.72134752f);
    return fma(x, density, select(x > 0.0f, 1.0f - above, above));
}

}  // namespace ddsp
