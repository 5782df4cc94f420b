#include <algorithm>
#include <memory>

#include "abi.h"
#include "product.h"

// One hop of filtered noise. Filters are even, and those of a stream short enough that the sums
// take less time than transforms of so few samples.

namespace ddsp {
namespace {

// to [n] = sum over lags of two signals, each by an even filter. The signals are known `reach`
// samples before and after.
template <int Vectors>
INLINE void convolve(const float *first, const float *last, const float *first_taps,
                     const float *last_taps, int64_t reach, float *to) {
    Floats sums[Vectors];
    for (int v = 0; v < Vectors; v++)
        sums[v] = first_taps[0] * load(first + v * LANES) + last_taps[0] * load(last + v * LANES);
    for (int64_t lag = 1; lag < reach; lag++) {
        const Floats a = all(first_taps[lag]), b = all(last_taps[lag]);
        for (int v = 0; v < Vectors; v++) {
            const float *x = first + v * LANES, *y = last + v * LANES;
            sums[v] = fma(a, load(x - lag) + load(x + lag), sums[v]);
            sums[v] = fma(b, load(y - lag) + load(y + lag), sums[v]);
        }
    }
    for (int v = 0; v < Vectors; v++) store(to + v * LANES, sums[v]);
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// From white [batch][hop] to heard [batch][hop], `reach` samples late. The filter fades from the
// last frame's to that of magnitudes [batch][reach + 1], times impulses [reach + 1][rounded reach].
// taps [batch][2][rounded reach]: of the last two frames, the earlier one's to be forgotten.
// ringing [batch][2 reach]: what earlier hops add.
EXPORT void ddsp_noise_hop(const float *white, const float *magnitudes, const float *impulses,
                           float *taps, float *ringing, float *heard, int64_t batch, int64_t hop,
                           int64_t reach) {
    const int64_t rung = rounded(hop + 2 * reach), known = rung + 2 * reach;
    const std::unique_ptr<float[]> floats(new float[2 * known + rung]());
    float *first = floats.get(), *last = first + known, *sum = last + known;
    for (int64_t row = 0; row < batch; row++) {
        float *before = taps + row * 2 * rounded(reach), *now = before + rounded(reach);
        std::copy_n(now, rounded(reach), before);
        std::fill_n(now, rounded(reach), 0.0f);
        add_product(magnitudes + row * (reach + 1), reach + 1, impulses, reach, now);
        const float step = 1.0f / float(hop), *noise = white + row * hop;
        for (int64_t t = 0; t < hop; t++) {
            const float late = noise[t] * (float(t) * step);
            first[2 * reach + t] = noise[t] - late;
            last[2 * reach + t] = late;
        }
        int64_t at = 0;
        for (; at + 4 * LANES <= rung; at += 4 * LANES)
            convolve<4>(first + reach + at, last + reach + at, before, now, reach, sum + at);
        for (; at < rung; at += LANES)
            convolve<1>(first + reach + at, last + reach + at, before, now, reach, sum + at);
        float *rings = ringing + row * 2 * reach;
        for (int64_t t = 0; t < 2 * reach; t++) sum[t] += rings[t];
        std::copy_n(sum, hop, heard + row * hop);
        std::copy_n(sum + hop, 2 * reach, rings);
    }
}
