// Tables that depend on a window's length alone.
#pragma once

#include "fft.h"

namespace ddsp {

struct Window {
    explicit Window(int64_t size);

    // Made once for each size, and kept.
    static const Window &of(int64_t size);

    Fft fft;
    std::vector<float> shape;     // [size]: half a periodic Hann window
    std::vector<float> twiddles;  // [size / 4] (re, im)
};

}  // namespace ddsp
