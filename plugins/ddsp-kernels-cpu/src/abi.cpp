#include "abi.h"

// Raised whenever a function is added, or changes its arguments or meaning.
EXPORT int ddsp_abi() { return 7; }

EXPORT const char *ddsp_isa() { return DDSP_ISA; }

// Called first, on processors that may be unable to run the rest: keep it to plain integers, and
// give the library no static constructors.
EXPORT int ddsp_runs_here() {
#if defined(__AVX512F__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("fma");
#elif defined(__AVX2__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 1;
#endif
}
