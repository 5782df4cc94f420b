// Fourier transforms of as many signals at once as a vector has lanes.
#pragma once

#include <memory>
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
    explicit Fft(int64_t size);

    // Made once for each size, and kept.
    static const Fft &of(int64_t size);

    void forward(Complex *x) const;
    void backward(Complex *x) const;
    int64_t size() const { return int64_t(places_.size()); }
    int64_t place(int64_t bin) const { return places_[bin]; }
    // The length of x: what is beyond the size is overwritten.
    int64_t room() const { return convolution_ ? convolution_->size() : size(); }

  private:
    // Splits a transform of radix * span points into `radix` transforms of `span`.
    struct Stage {
        int64_t radix, span;
        std::vector<float> twiddles;  // [span][radix - 1] (re, im)
        std::vector<float> roots;     // [radix] (re, im)
    };

    void add_stages();
    void add_chirp();
    void split(Complex *x, size_t first) const;
    void merge(Complex *x, size_t first) const;
    template <bool Back>
    void convolve(Complex *x) const;

    std::vector<int32_t> places_;
    std::vector<Stage> stages_;
    // For sizes with a large prime factor.
    std::unique_ptr<Fft> convolution_;
    std::vector<float> chirp_;   // [size] (re, im)
    std::vector<float> filter_;  // [convolution's size] (re, im), by place
};

}  // namespace ddsp
