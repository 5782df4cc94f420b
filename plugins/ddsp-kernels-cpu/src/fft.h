// Fourier transforms of as many signals at once as a vector has lanes.
#pragma once

#include <vector>

#include "vector.h"

namespace ddsp {

struct Complex {
    Floats re, im;
};

// In place: forward takes signals in order and leaves bin k at place(k); backward takes bins from
// there and leaves signals in order. Nothing is normalised, so each is the other's adjoint.
class Fft {
  public:
    // The size has no prime factor above 13.
    explicit Fft(int64_t size);

    void forward(Complex *x) const { forward(x, 0); }
    void backward(Complex *x) const { backward(x, 0); }
    int64_t size() const { return int64_t(places_.size()); }
    int64_t place(int64_t bin) const { return places_[bin]; }

  private:
    // Splits a transform of radix * span points into `radix` transforms of `span`.
    struct Stage {
        int64_t radix, span;
        std::vector<float> twiddles;  // [span][radix - 1] (re, im)
        std::vector<float> roots;     // [radix] (re, im)
    };

    void forward(Complex *x, size_t first) const;
    void backward(Complex *x, size_t first) const;

    std::vector<Stage> stages_;
    std::vector<int32_t> places_;
};

}  // namespace ddsp
