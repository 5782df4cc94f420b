// Layer norm.
#pragma once

#include <cmath>

#include "product.h"

namespace ddsp {

// A row to one of mean 0 and variance 1; returns what its deviations were multiplied by. What
// follows the width, up to a rounded one, is zero and stays it.
inline float normalise(const float *x, int64_t width, float *to) {
    const int64_t end = rounded(width);
    Floats total{}, squares{};
    for (int64_t i = 0; i < end; i += LANES) total += load(x + i);
    const float mean = sum(total) / float(width);
    for (int64_t i = 0; i < width; i++) to[i] = x[i] - mean;
    for (int64_t i = 0; i < end; i += LANES) squares = fma(load(to + i), load(to + i), squares);
    const float scale = 1.0f / std::sqrt(sum(squares) / float(width) + 1e-5f);
    for (int64_t i = 0; i < end; i += LANES) store(to + i, load(to + i) * scale);
    return scale;
}

inline void weigh(const float *normal, const float *weight, const float *bias, int64_t width,
                  float *to) {
    for (int64_t i = 0; i < rounded(width); i += LANES)
        store(to + i, fma(load(normal + i), load(weight + i), load(bias + i)));
}

}  // namespace ddsp
