// The product of one row and a matrix.
#pragma once

#include "vector.h"

namespace ddsp {

const int64_t ROUND = 16;  // the lanes of the widest vectors

// Rows of a matrix are filled up with zeros to so many, and the loops have no rest.
INLINE int64_t rounded(int64_t n) { return (n + ROUND - 1) / ROUND * ROUND; }

template <int Vectors>
INLINE void add_columns(const float *x, int64_t inputs, const float *matrix, int64_t stride,
                        float *to) {
    Floats sums[Vectors];
    for (int v = 0; v < Vectors; v++) sums[v] = load(to + v * LANES);
    for (int64_t i = 0; i < inputs; i++, matrix += stride)
        for (int v = 0; v < Vectors; v++)
            sums[v] = fma(all(x[i]), load(matrix + v * LANES), sums[v]);
    for (int v = 0; v < Vectors; v++) store(to + v * LANES, sums[v]);
}

// Adds x [inputs] times a matrix [inputs][rounded outputs] to as many numbers.
inline void add_product(const float *x, int64_t inputs, const float *matrix, int64_t outputs,
                        float *to) {
    const int64_t stride = rounded(outputs);
    int64_t first = 0;
    for (; first + 8 * LANES <= stride; first += 8 * LANES)
        add_columns<8>(x, inputs, matrix + first, stride, to + first);
    for (; first + 4 * LANES <= stride; first += 4 * LANES)
        add_columns<4>(x, inputs, matrix + first, stride, to + first);
    for (; first < stride; first += LANES)
        add_columns<1>(x, inputs, matrix + first, stride, to + first);
}

}  // namespace ddsp
