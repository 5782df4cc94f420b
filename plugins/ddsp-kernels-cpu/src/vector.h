// One source for all vector widths: GCC and Clang vector types as wide as the instruction set's.
#pragma once

#include <cstdint>
#include <cstring>

namespace ddsp {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef uint32_t Phases __attribute__((vector_size(LANES * sizeof(uint32_t))));  // they wrap

#define INLINE inline __attribute__((always_inline))

INLINE Floats load(const float *from) {
    Floats x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

INLINE void store(float *to, Floats x) { std::memcpy(to, &x, sizeof x); }

// The same value in every lane. (Not `x + Floats{}`: that turns -0 into +0.)
INLINE Floats all(float x) { return x - Floats{}; }

// One instruction where the processor has it: the build allows contraction.
INLINE Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }

INLINE Floats to_floats(Ints x) { return __builtin_convertvector(x, Floats); }

// Keeps what was loaded in a register: compilers rather load once more for each use.
INLINE void hold(Floats &x) {
#if defined(__x86_64__)
    asm("" : "+v"(x));
#elif defined(__aarch64__)
    asm("" : "+w"(x));
#else
    (void)x;
#endif
}

// Comparisons give Ints: -1 where true, 0 elsewhere.
INLINE Floats select(Ints condition, Floats yes, Floats no) {
    return (Floats)((condition & (Ints)yes) | (~condition & (Ints)no));
}

INLINE Floats lane_numbers() {
    Floats x;
    for (int i = 0; i < LANES; i++) x[i] = float(i);
    return x;
}

// Always in the same order, so that results do not depend on the compiler's choice.
INLINE float sum(Floats x) {
    float lanes[LANES];
    store(lanes, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

}  // namespace ddsp
