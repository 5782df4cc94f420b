// The phase of every sample, in exact integers: `integer_phase` of ddspcore/dsp/oscillators.py.
#pragma once

#include <cmath>

#include "vector.h"

namespace ddsp {

constexpr int HZ_BITS = 24;     // frequencies are whole numbers of 2^-24 Hz
constexpr int CYCLE_BITS = 32;  // a phase is a whole number of 2^-32 cycle
constexpr int GUARD_BITS = 13;  // and has these bits more while a hop is summed

typedef uint64_t Longs __attribute__((vector_size(LANES * sizeof(uint64_t))));

// Sample j of a hop is at begin + step j + bend j (j - 1), in units of 2^-45 cycle.
struct HopPhase {
    uint64_t begin, step, bend;

    uint64_t at(uint64_t j) const { return begin + step * j + bend * (j * (j - 1)); }
};

// Goes through the phases of a hop, LANES samples at a time, by adding differences.
class PhaseWalk {
  public:
    PhaseWalk(const HopPhase &hop, uint64_t first) {
        for (int lane = 0; lane < LANES; lane++) {
            uint64_t j = first + lane;
            phase_[lane] = hop.at(j);
            difference_[lane] = hop.at(j + LANES) - phase_[lane];
        }
        bend_ = 2 * hop.bend * LANES * LANES;
    }

    INLINE Phases next() {
        Phases phase = __builtin_convertvector(phase_ >> GUARD_BITS, Phases);
        phase_ += difference_;
        difference_ += bend_;
        return phase;
    }

  private:
    Longs phase_, difference_;
    uint64_t bend_;
};

inline int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// The hops of one clip: f0 [frames], start in units of 2^-25 / sample_rate cycle.
inline void fill_phases(const float *f0, int64_t frames, int64_t hop,
                        int64_t sample_rate, int64_t start, HopPhase *phases) {
    const int64_t cycle = 2 * sample_rate << HZ_BITS;
    const int scale = CYCLE_BITS + GUARD_BITS - HZ_BITS;
    auto integer = [&](int64_t n) { return std::llrint(f0[n] * float(1 << HZ_BITS)); };
    auto wrap = [&](int64_t x) { return x - floor_divide(x, cycle) * cycle; };
    int64_t begin = wrap(start), f = integer(0);
    for (int64_t n = 0; n + 1 < frames; n++) {
        int64_t next = integer(n + 1), rise = next - f;
        phases[n].begin = floor_divide(begin << (scale - 1), sample_rate);
        phases[n].step = floor_divide(f * (1 << scale), sample_rate);
        phases[n].bend = floor_divide(rise * (1 << scale), 2 * hop * sample_rate);
        begin = wrap(begin + wrap(2 * hop * f + (hop - 1) * rise));
        f = next;
    }
}

}  // namespace ddsp
