// What the bank of harmonic sines and its gradient share.
#pragma once

#include <algorithm>
#include <vector>

#include "phase.h"
#include "sines.h"
#include "threads.h"
#include "vector.h"

namespace ddsp {

constexpr int64_t CHUNK = 1 << 19;  // sines in a chunk of work: some 100 microseconds

// The size of everything. All arrays are contiguous: f0 [clips, frames],
// amplitudes [clips, frames, harmonics], signals [clips, (frames - 1) * hop].
struct Sizes {
    int64_t clips, frames, harmonics, hop, sample_rate;

    int64_t hops() const { return frames - 1; }
    int64_t hop_vectors() const { return (hop + LANES - 1) / LANES; }
    float nyquist() const { return float(sample_rate / 2.0); }
    // Work is shared in runs of hops of one clip.
    int64_t run() const { return std::max<int64_t>(1, CHUNK / (hop * harmonics)); }
    int64_t runs() const { return (hops() + run() - 1) / run(); }
};

// Harmonics below `sure` sound all along a hop, those from `end` on never do; the others are looked
// at sample by sample. One harmonic of margin on either side is for rounding.
struct Reach {
    int64_t sure, end;

    Reach(const float *f0, const Sizes &size) : sure(1), end(size.harmonics + 1) {
        if (!(f0[0] > 0.0f && f0[1] > 0.0f)) return;  // not a number, perhaps
        auto below = [&](float hz) {
            return int64_t(std::min(size.nyquist() / hz, float(size.harmonics + 1)));
        };
        sure = std::max<int64_t>(below(std::max(f0[0], f0[1])), 1);
        end = std::min(below(std::min(f0[0], f0[1])) + 2, size.harmonics + 1);
    }
};

// 0, 1/hop, ...: how far a sample is from one frame to the next.
inline std::vector<float> ramp(const Sizes &size) {
    std::vector<float> weights(size.hop_vectors() * LANES);
    for (size_t j = 0; j < weights.size(); j++) weights[j] = float(j) / float(size.hop);
    return weights;
}

// The frequency at each sample, rounded as torch.lerp rounds it.
INLINE Floats glide(const float *f0, Floats weight) {
    Floats from = all(f0[0]), to = all(f0[1]), rise = to - from;
    return select(weight < 0.5f, fma(weight, rise, from), fma(weight - 1.0f, rise, to));
}

inline std::vector<HopPhase> hop_phases(const float *f0, const int64_t *start,
                                        const Sizes &size, int64_t threads) {
    std::vector<HopPhase> phases(size.clips * size.hops());
    parallel_for(threads, size.clips, [&](int64_t clip) {
        fill_phases(f0 + clip * size.frames, size.frames, size.hop, size.sample_rate,
                    start ? start[clip] : 0, phases.data() + clip * size.hops());
    });
    return phases;
}

// Calls work(clip, first hop, hop after the last, run) for each run of hops.
template <typename Work>
void for_runs(const Sizes &size, int64_t threads, const Work &work) {
    parallel_for(threads, size.clips * size.runs(), [&](int64_t chunk) {
        int64_t clip = chunk / size.runs(), first = chunk % size.runs() * size.run();
        work(clip, first, std::min(first + size.run(), size.hops()), chunk);
    });
}

}  // namespace ddsp
