// The bank of harmonic sines of ddspcore/dsp/oscillators.py.
//
// The k-th harmonic, k = R m + r, is split by the sine of a sum into waves of R m and of r phases,
// so that a sample needs one sine and one cosine, a few products for the R + K / R waves, and three
// multiply-adds for each harmonic:
//     x = sum over r of [cos(r p) P_r + sin(r p) Q_r],
//     P_r = sum over m of a_k sin(R m p),  Q_r = sum over m of a_k cos(R m p).
// The derivative by the phase needs the same sums weighted by m. Summing downwards in m, those are
// the sums of all partial sums: two additions for each harmonic.

#include <type_traits>

#include "abi.h"
#include "bank.h"

namespace {

using namespace ddsp;

constexpr int R = 8;

INLINE void store_some(float *to, Floats x, int64_t count) {
    if (count >= LANES)
        store(to, x);
    else
        std::memcpy(to, &x, count * sizeof(float));
}

// What the sum over harmonics needs to know of a hop.
struct Hop {
    const float *f0, *amplitudes, *rises;  // of k = 0, 1, ...; that of 0 is 0
    Reach reach;
    float nyquist;
};

// Sums the harmonics over U vectors of samples; SLOPE: and those of the derivative by the phase.
template <int U, bool SLOPE>
INLINE void sum_harmonics(const Hop &hop, PhaseWalk &walk, const float *weights, Wave *high,
                          Floats *x, Floats *slope) {
    Wave low[R * U];
    Floats weight[U];
    Phases phases[U];
    for (int u = 0; u < U; u++) phases[u] = walk.next();
    multiply(phases, U, low, R);
    for (int u = 0; u < U; u++) phases[u] *= uint32_t(R);
    multiply(phases, U, high, (hop.reach.end + R - 1) / R);
    for (int u = 0; u < U; u++) {
        weight[u] = load(weights + u * LANES);
        x[u] = slope[u] = all(0.0f);
    }
    for (int r = 0; r < R; r++) {
        Floats p[U] = {}, q[U] = {}, mp[U] = {}, mq[U] = {};
        int64_t m = (hop.reach.end - r + R - 1) / R;
        auto add = [&](auto masked) __attribute__((always_inline)) {
            int64_t k = R * m + r;
            for (int u = 0; u < U; u++) {
                Floats a = fma(weight[u], all(hop.rises[k]), all(hop.amplitudes[k]));
                if (masked) {
                    Ints sounds = glide(hop.f0, weight[u]) * float(k) < hop.nyquist;
                    a = select(sounds, a, all(0.0f));
                }
                if (SLOPE) mp[u] += p[u], mq[u] += q[u];
                p[u] = fma(a, high[m * U + u].sine, p[u]);
                q[u] = fma(a, high[m * U + u].cosine, q[u]);
            }
        };
        while (R * --m + r >= hop.reach.sure) add(std::true_type{});
        for (; m >= 0; m--) add(std::false_type{});
        for (int u = 0; u < U; u++) {
            Wave w = low[r * U + u];
            x[u] = fma(w.cosine, p[u], fma(w.sine, q[u], x[u]));
            if (!SLOPE) continue;
            Floats along = fma(all(float(R)), mq[u], q[u] * float(r));
            Floats across = fma(all(float(R)), mp[u], p[u] * float(r));
            slope[u] = fma(w.cosine, along, fma(-w.sine, across, slope[u]));
        }
    }
}

template <int U, bool SLOPE>
void sum_hop(const Hop &hop, const HopPhase &phase, const float *weights, int64_t length,
             Wave *high, float *signal, float *slopes) {
    Floats x[U], slope[U];
    PhaseWalk walk(phase, 0);
    int64_t j = 0;
    auto put = [&](int u) {
        store_some(signal + j, x[u], length - j);
        if (SLOPE) store_some(slopes + j, slope[u], length - j);
        j += LANES;
    };
    while (j + (U - 1) * LANES < length) {
        sum_harmonics<U, SLOPE>(hop, walk, weights + j, high, x, slope);
        for (int u = 0; u < U; u++) put(u);
    }
    while (j < length) {
        sum_harmonics<1, SLOPE>(hop, walk, weights + j, high, x, slope);
        put(0);
    }
}

}  // namespace

// start and slopes may be null. slopes: the derivative of the signal by the phase, in radians.
EXPORT void ddsp_bank(const float *f0, const float *amplitudes, const int64_t *start,
                      int64_t clips, int64_t frames, int64_t harmonics, int64_t hop,
                      int64_t sample_rate, float *signal, float *slopes, int64_t threads) {
    Sizes size{clips, frames, harmonics, hop, sample_rate};
    auto weights = ramp(size);
    auto phases = hop_phases(f0, start, size, threads);
    for_runs(size, threads, [&](int64_t clip, int64_t first, int64_t last, int64_t) {
        std::vector<float> ends(2 * (harmonics + 1));
        std::vector<Wave> high((harmonics / R + 2) * 4);
        float *at = ends.data(), *rises = at + harmonics + 1;
        for (int64_t n = first; n < last; n++) {
            int64_t frame = clip * frames + n, place = clip * size.hops() + n;
            Hop here{f0 + frame, at, rises, Reach(f0 + frame, size), size.nyquist()};
            const float *now = amplitudes + frame * harmonics, *next = now + harmonics;
            for (int64_t k = 1; k < here.reach.end; k++) {
                at[k] = now[k - 1];
                rises[k] = next[k - 1] - now[k - 1];
            }
            if (slopes)
                sum_hop<2, true>(here, phases[place], weights.data(), hop, high.data(),
                                 signal + place * hop, slopes + place * hop);
            else
                sum_hop<4, false>(here, phases[place], weights.data(), hop, high.data(),
                                  signal + place * hop, nullptr);
        }
    });
}
