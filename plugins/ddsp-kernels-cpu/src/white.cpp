#include <algorithm>

#include "abi.h"
#include "threads.h"

// White noise by arithmetic alone: `white_noise` of ddspcore/dsp/white.py, to the last bit. The
// loops are plain, as compilers turn them into vectors by themselves.

namespace ddsp {
namespace {

const int64_t SPAN = 1 << 14;  // samples of a chunk; a thread wakes up in the time of as many

// A permutation of 32 bits: "lowbias32" of C. Wellons' hash-prospector.
inline uint32_t mix(uint32_t x) {
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    return x ^ x >> 16;
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// Numbers in [-1, 1) for samples `offset` and on of each item, white [items][samples].
EXPORT void ddsp_white_noise(const int64_t *item, int64_t items, int64_t samples, int64_t key,
                             int64_t offset, float *white, int64_t threads) {
    const int64_t spans = (samples + SPAN - 1) / SPAN;
    if (items * samples <= SPAN) threads = 1;
    parallel_for(threads, items * spans, [&](int64_t chunk) {
        const int64_t row = chunk / spans, first = chunk % spans * SPAN;
        const int64_t count = std::min(SPAN, samples - first);
        const uint32_t lane = mix(mix(uint32_t(item[row] ^ key)) + uint32_t(key >> 31));
        const uint32_t begin = uint32_t(offset + first);
        float *to = white + row * samples + first;
        for (int64_t t = 0; t < count; t++) {
            uint32_t bits = mix(mix(begin + uint32_t(t)) ^ lane);
            to[t] = float(int32_t(bits >> 8)) * 0x1p-23f - 1.0f;
        }
    });
}
