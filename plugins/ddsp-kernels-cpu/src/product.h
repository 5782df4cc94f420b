// Products of matrices that are small enough to stay in a cache.
#pragma once

#include "vector.h"

namespace ddsp {

const int64_t ROUND = 16;  // the lanes of the widest vectors

// Rows of a matrix are filled up with zeros to so many, and the loops have no rest.
INLINE int64_t rounded(int64_t n) { return (n + ROUND - 1) / ROUND * ROUND; }

// Element (i, j) of a matrix is at[i * row + j * column].
struct Matrix {
    const float *at;
    int64_t row, column = 1;

    Matrix transposed() const { return {at, column, row}; }
};

template <int Rows, int Vectors>
INLINE void add_tile(Matrix a, Matrix b, int64_t inner, float *to, int64_t stride) {
    Floats sums[Rows][Vectors];
    for (int r = 0; r < Rows; r++)
        for (int v = 0; v < Vectors; v++) sums[r][v] = load(to + r * stride + v * LANES);
    for (int64_t i = 0; i < inner; i++, a.at += a.column, b.at += b.row) {
        Floats row[Vectors];
        for (int v = 0; v < Vectors; v++) row[v] = load(b.at + v * LANES);
        for (int r = 0; r < Rows; r++) {
            Floats x = all(a.at[r * a.row]);
            for (int v = 0; v < Vectors; v++) sums[r][v] = fma(x, row[v], sums[r][v]);
        }
    }
    for (int r = 0; r < Rows; r++)
        for (int v = 0; v < Vectors; v++) store(to + r * stride + v * LANES, sums[r][v]);
}

template <int Vectors>
void add_panel(Matrix a, Matrix b, int64_t rows, int64_t inner, float *to, int64_t stride) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, a.at += 4 * a.row, to += 4 * stride)
        add_tile<4, Vectors>(a, b, inner, to, stride);
    for (; r < rows; r++, a.at += a.row, to += stride)
        add_tile<1, Vectors>(a, b, inner, to, stride);
}

// Adds a [rows][inner] times b [inner][columns], a multiple of LANES and side by side, to
// [rows][columns]. Sums are always taken in the same order.
inline void add_product(Matrix a, Matrix b, int64_t rows, int64_t inner, int64_t columns,
                        float *to, int64_t stride) {
    int64_t first = 0;
    for (; first + 2 * LANES <= columns; first += 2 * LANES)
        add_panel<2>(a, {b.at + first, b.row}, rows, inner, to + first, stride);
    for (; first < columns; first += LANES)
        add_panel<1>(a, {b.at + first, b.row}, rows, inner, to + first, stride);
}

// Adds x [inputs] times a matrix [inputs][rounded outputs] to as many numbers.
inline void add_product(const float *x, int64_t inputs, const float *matrix, int64_t outputs,
                        float *to) {
    const int64_t columns = rounded(outputs);
    int64_t first = 0;
    for (; first + 8 * LANES <= columns; first += 8 * LANES)
        add_tile<1, 8>({x, 0}, {matrix + first, columns}, inputs, to + first, 0);
    for (; first + 4 * LANES <= columns; first += 4 * LANES)
        add_tile<1, 4>({x, 0}, {matrix + first, columns}, inputs, to + first, 0);
    for (; first < columns; first += LANES)
        add_tile<1, 1>({x, 0}, {matrix + first, columns}, inputs, to + first, 0);
}

}  // namespace ddsp
