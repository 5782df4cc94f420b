// Signals cut in time, so that a chunk with its spectra stays in a cache.
#pragma once

#include <algorithm>
#include <memory>
#include <new>

#include "fft.h"

namespace ddsp {

const int64_t CHUNK_SAMPLES = 8192;

// The samples of a chunk: whole groups of lanes at a hop, and no less than a margin.
inline int64_t chunk_samples(int64_t hop, int64_t margin) {
    int64_t least = std::max(CHUNK_SAMPLES, margin), group = LANES * hop;
    return (least + group - 1) / group * group;
}

// The index of a sample beyond an end, reflected there.
inline int64_t reflect(int64_t i, int64_t length) {
    return i < 0 ? -i : i < length ? i : 2 * (length - 1) - i;
}

// Copies `count` samples from `begin` on of a signal whose ends are reflected.
inline void copy_reflected(const float *signal, int64_t length, int64_t begin, int64_t count,
                           float *to) {
    int64_t i = 0;
    for (; begin + i < 0; i++) to[i] = signal[reflect(begin + i, length)];
    int64_t inside = std::min(count - i, length - (begin + i));
    std::copy_n(signal + begin + i, inside, to + i);
    for (i += inside; i < count; i++) to[i] = signal[reflect(begin + i, length)];
}

// A thread's working memory, kept from call to call: to get new pages takes as long as a transform.
class Scratch {
  public:
    // Room for spectra, and after them for `floats`.
    Complex *get(int64_t spectra, int64_t floats) {
        int64_t count = spectra + floats / (2 * LANES) + 1;
        if (count > count_) {
            memory_.reset(new (std::align_val_t(sizeof(Complex))) Complex[count]);
            count_ = count;
        }
        return memory_.get();
    }

  private:
    struct Delete {
        void operator()(Complex *p) const {
            ::operator delete[](p, std::align_val_t(sizeof(Complex)));
        }
    };
    std::unique_ptr<Complex[], Delete> memory_;
    int64_t count_ = 0;
};

}  // namespace ddsp
