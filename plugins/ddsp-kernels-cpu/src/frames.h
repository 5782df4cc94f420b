// Overlapping frames of a signal, one in each lane.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include <utility>

#include "fft.h"

namespace ddsp {

typedef float Quad __attribute__((vector_size(4 * sizeof(float))));

const int QUADS = LANES / 4;

INLINE Quad load_quad(const float *from) {
    Quad x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

// Within every four lanes: the first (or last) halves of a and b, one by one or two by two.
template <int Half, int Step, size_t... Lane>
INLINE Floats interleave(Floats a, Floats b, std::index_sequence<Lane...>) {
    return Floats{(Step == 1 ? (Lane % 2 ? b : a)[Lane / 4 * 4 + Half * 2 + Lane % 4 / 2]
                             : (Lane % 4 / 2 ? b : a)[Lane / 4 * 4 + Half * 2 + Lane % 2])...};
}

// Transposes every block of four lanes: lane i of vector j becomes lane j of vector i.
INLINE void transpose(Floats x[4]) {
    std::make_index_sequence<LANES> lanes;
    Floats a = interleave<0, 1>(x[0], x[1], lanes), b = interleave<1, 1>(x[0], x[1], lanes);
    Floats c = interleave<0, 1>(x[2], x[3], lanes), d = interleave<1, 1>(x[2], x[3], lanes);
    x[0] = interleave<0, 2>(a, c, lanes), x[1] = interleave<1, 2>(a, c, lanes);
    x[2] = interleave<0, 2>(b, d, lanes), x[3] = interleave<1, 2>(b, d, lanes);
}

INLINE Floats join(const Quad q[QUADS]) {
#if defined(__AVX512F__)
    __m512 low = _mm512_castps256_ps512(_mm256_set_m128(q[1], q[0]));
    return _mm512_insertf32x8(low, _mm256_set_m128(q[3], q[2]), 1);
#elif defined(__AVX__)
    return _mm256_set_m128(q[1], q[0]);
#else
    return q[0];
#endif
}

template <int I>
INLINE Quad quad(Floats x) {
    return Quad{x[4 * I], x[4 * I + 1], x[4 * I + 2], x[4 * I + 3]};
}

// Four columns of a matrix of LANES rows: vector i has column `column` + i.
INLINE void load_columns(const float *const rows[LANES], int64_t column, Floats columns[4]) {
    for (int i = 0; i < 4; i++) {
        Quad quads[QUADS];
        for (int q = 0; q < QUADS; q++) quads[q] = load_quad(rows[4 * q + i] + column);
        columns[i] = join(quads);
    }
    transpose(columns);
}

// Four columns the other way: calls put(row, four of its values) for each row in turn.
template <typename Put, size_t... Q>
INLINE void put_columns(Floats columns[4], const Put &put, std::index_sequence<Q...>) {
    transpose(columns);
    for (int i = 0; i < 4; i++) (put(4 * Q + i, quad<Q>(columns[i])), ...);
}

INLINE void store_columns(float *const rows[LANES], int64_t column, Floats columns[4]) {
    auto put = [&](int row, Quad x) { std::memcpy(rows[row] + column, &x, sizeof x); };
    put_columns(columns, put, std::make_index_sequence<QUADS>());
}

// Rows may overlap.
INLINE void add_columns(float *const rows[LANES], int64_t column, Floats columns[4]) {
    auto put = [&](int row, Quad x) {
        x += load_quad(rows[row] + column);
        std::memcpy(rows[row] + column, &x, sizeof x);
    };
    put_columns(columns, put, std::make_index_sequence<QUADS>());
}

// Windowed frames as complex numbers: sample 2i is the real, 2i + 1 the imaginary part of z[i].
INLINE void load_frames(const float *const rows[LANES], const float *shape, int64_t window,
                        Complex *z) {
    for (int64_t i = 0; i < window; i += 4) {
        Floats columns[4];
        load_columns(rows, i, columns);
        z[i / 2] = {columns[0] * shape[i], columns[1] * shape[i + 1]};
        z[i / 2 + 1] = {columns[2] * shape[i + 2], columns[3] * shape[i + 3]};
    }
}

// The adjoint of load_frames.
INLINE void add_frames(const Complex *z, const float *shape, int64_t window,
                       float *const rows[LANES]) {
    for (int64_t i = 0; i < window; i += 4) {
        const Complex &a = z[i / 2], &b = z[i / 2 + 1];
        Floats columns[4] = {a.re * shape[i], a.im * shape[i + 1], b.re * shape[i + 2],
                             b.im * shape[i + 3]};
        add_columns(rows, i, columns);
    }
}

}  // namespace ddsp
