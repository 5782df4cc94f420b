#include "fft.h"

#include <cmath>
#include <map>
#include <mutex>

namespace ddsp {
namespace {

const double PI = 3.14159265358979323846;
// Transforms up to this many points run stage by stage, larger ones part by part: 16 kB of a
// first-level cache of 32.
const int64_t IN_CACHE = 16384 / sizeof(Complex);

// Large strides first, and those to the odd radices. Empty if a prime factor is too large.
std::vector<int64_t> factors(int64_t size) {
    std::vector<int64_t> found;
    for (int64_t radix : {13, 11, 7, 5, 3, 4, 2})
        for (; size % radix == 0; size /= radix) found.push_back(radix);
    if (size > 1) found.clear();
    return found;
}

void append(std::vector<float> &roots, double turns) {
    roots.push_back(float(std::cos(2 * PI * turns)));
    roots.push_back(float(std::sin(2 * PI * turns)));
}

INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }

// Times a root of unity, or back.
template <bool Back>
INLINE Complex turn(Complex a, const float *root) {
    float re = root[0], im = Back ? -root[1] : root[1];
    return {a.re * re - a.im * im, a.re * im + a.im * re};
}

// Times -i, or i on the way back.
template <bool Back>
INLINE Complex quarter_turn(Complex a) {
    return Back ? Complex{-a.im, a.re} : Complex{a.im, -a.re};
}

template <int Radix, bool Back>
struct Butterfly;

template <bool Back>
struct Butterfly<2, Back> {
    static INLINE void apply(Complex *x, const float *) {
        Complex sum = x[0] + x[1];
        x[1] = x[0] - x[1];
        x[0] = sum;
    }
};

template <bool Back>
struct Butterfly<4, Back> {
    static INLINE void apply(Complex *x, const float *) {
        Complex even = x[0] + x[2], odd = x[1] + x[3];
        Complex left = x[0] - x[2], right = quarter_turn<Back>(x[1] - x[3]);
        x[0] = even + odd;
        x[1] = left + right;
        x[2] = even - odd;
        x[3] = left - right;
    }
};

// An odd number of points: taken in pairs, with their sums and differences.
template <int Radix, bool Back>
struct Butterfly {
    static INLINE void apply(Complex *x, const float *roots) {
        const int pairs = Radix / 2;
        Complex first = x[0], sums[pairs], differences[pairs];
        for (int i = 0; i < pairs; i++) {
            sums[i] = x[i + 1] + x[Radix - 1 - i];
            differences[i] = quarter_turn<Back>(x[i + 1] - x[Radix - 1 - i]);
            x[0] = x[0] + sums[i];
        }
        for (int bin = 1; bin <= pairs; bin++) {
            Complex even = first, odd = {};
            for (int i = 0; i < pairs; i++) {
                const float *root = roots + 2 * (bin * (i + 1) % Radix);
                even = {even.re + root[0] * sums[i].re, even.im + root[0] * sums[i].im};
                odd = {odd.re + root[1] * differences[i].re, odd.im + root[1] * differences[i].im};
            }
            x[bin] = even + odd;
            x[Radix - bin] = even - odd;
        }
    }
};

template <int Radix, bool Back>
void pass(Complex *x, int64_t blocks, int64_t span, const float *twiddles, const float *roots) {
    for (Complex *end = x + blocks * Radix * span; x < end; x += Radix * span)
        for (int64_t i = 0; i < span; i++) {
            const float *twiddle = twiddles + 2 * (Radix - 1) * i;
            Complex points[Radix];
            for (int part = 0; part < Radix; part++) points[part] = x[i + part * span];
            if (Back && span > 1)
                for (int part = 1; part < Radix; part++)
                    points[part] = turn<Back>(points[part], twiddle + 2 * (part - 1));
            Butterfly<Radix, Back>::apply(points, roots);
            if (!Back && span > 1)
                for (int part = 1; part < Radix; part++)
                    points[part] = turn<Back>(points[part], twiddle + 2 * (part - 1));
            for (int part = 0; part < Radix; part++) x[i + part * span] = points[part];
        }
}

template <bool Back>
void pass(int64_t radix, Complex *x, int64_t blocks, int64_t span, const float *twiddles,
           const float *roots) {
    switch (radix) {
        case 2: return pass<2, Back>(x, blocks, span, twiddles, roots);
        case 3: return pass<3, Back>(x, blocks, span, twiddles, roots);
        case 4: return pass<4, Back>(x, blocks, span, twiddles, roots);
        case 5: return pass<5, Back>(x, blocks, span, twiddles, roots);
        case 7: return pass<7, Back>(x, blocks, span, twiddles, roots);
        case 11: return pass<11, Back>(x, blocks, span, twiddles, roots);
        case 13: return pass<13, Back>(x, blocks, span, twiddles, roots);
    }
}

}  // namespace

Fft::Fft(int64_t size) : places_(size) {
    if (size == 1 || !factors(size).empty())
        add_stages();
    else
        add_chirp();
}

const Fft &Fft::of(int64_t size) {
    static auto *mutex = new std::mutex;
    static auto *made = new std::map<int64_t, Fft>;
    std::lock_guard<std::mutex> lock(*mutex);
    return made->try_emplace(size, size).first->second;
}

void Fft::forward(Complex *x) const { convolution_ ? convolve<false>(x) : split(x, 0); }

void Fft::backward(Complex *x) const { convolution_ ? convolve<true>(x) : merge(x, 0); }

void Fft::add_stages() {
    int64_t span = size();
    for (int64_t radix : factors(size())) {
        int64_t points = span;
        span /= radix;
        Stage stage{radix, span, {}, {}};
        for (int64_t i = 0; i < span; i++)
            for (int64_t part = 1; part < radix; part++)
                append(stage.twiddles, -double(i * part) / points);
        for (int64_t i = 0; i < radix; i++) append(stage.roots, double(i) / radix);
        stages_.push_back(std::move(stage));
    }
    // Bin k of a stage is bin k / radix of its part k % radix.
    for (int64_t bin = 0; bin < size(); bin++) {
        int64_t rest = bin, place = 0;
        for (const Stage &stage : stages_) {
            place += rest % stage.radix * stage.span;
            rest /= stage.radix;
        }
        places_[bin] = int32_t(place);
    }
}

void Fft::split(Complex *x, size_t first) const {
    if (first == stages_.size()) return;
    int64_t points = stages_[first].radix * stages_[first].span;
    size_t last = points > IN_CACHE ? first + 1 : stages_.size();
    for (size_t s = first; s < last; s++) {
        const Stage &stage = stages_[s];
        pass<false>(stage.radix, x, points / (stage.radix * stage.span), stage.span,
                    stage.twiddles.data(), stage.roots.data());
    }
    if (last < stages_.size())
        for (int64_t i = 0; i < points; i += stages_[first].span) split(x + i, last);
}

void Fft::merge(Complex *x, size_t first) const {
    if (first == stages_.size()) return;
    int64_t points = stages_[first].radix * stages_[first].span;
    size_t last = points > IN_CACHE ? first + 1 : stages_.size();
    if (last < stages_.size())
        for (int64_t i = 0; i < points; i += stages_[first].span) merge(x + i, last);
    for (size_t s = last; s-- > first;) {
        const Stage &stage = stages_[s];
        pass<true>(stage.radix, x, points / (stage.radix * stage.span), stage.span,
                   stage.twiddles.data(), stage.roots.data());
    }
}

// Bluestein's transform: 2 n k = n^2 + k^2 - (k - n)^2 makes it a convolution with a chirp, for
// which any larger size will do.
void Fft::add_chirp() {
    int64_t points = 2 * size() - 1;
    auto smooth = [](int64_t number) {
        for (int64_t prime : {2, 3, 5})
            while (number % prime == 0) number /= prime;
        return number == 1;
    };
    while (!smooth(points)) points++;
    convolution_ = std::make_unique<Fft>(points);
    std::vector<Complex> filter(points);
    for (int64_t i = 0; i < size(); i++) {
        places_[i] = int32_t(i);
        append(chirp_, -double(i * i % (2 * size())) / (2 * size()));
        filter[i] = {all(chirp_[2 * i] / points), all(-chirp_[2 * i + 1] / points)};
        if (i > 0) filter[points - i] = filter[i];
    }
    convolution_->forward(filter.data());
    for (const Complex &bin : filter) filter_.insert(filter_.end(), {bin.re[0], bin.im[0]});
}

template <bool Back>
void Fft::convolve(Complex *x) const {
    int64_t points = convolution_->size();
    for (int64_t i = 0; i < size(); i++) x[i] = turn<Back>(x[i], &chirp_[2 * i]);
    for (int64_t i = size(); i < points; i++) x[i] = Complex{};
    convolution_->forward(x);
    for (int64_t i = 0; i < points; i++) x[i] = turn<Back>(x[i], &filter_[2 * i]);
    convolution_->backward(x);
    for (int64_t i = 0; i < size(); i++) x[i] = turn<Back>(x[i], &chirp_[2 * i]);
}

}  // namespace ddsp
