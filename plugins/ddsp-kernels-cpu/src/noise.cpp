// The moving filter of ddspcore/dsp/filters.py, and the gradient of its response.
//
// Each hop of noise fades from the filter of the frame before it to that of the frame after it, and
// rings before and after itself. Filters have zero phase, so their responses are real.

#include "abi.h"
#include "chunks.h"
#include "frames.h"
#include "threads.h"

namespace ddsp {
namespace {

const int PAIRED = 2 * LANES;  // hops that share transforms: two in each lane
const int64_t CHUNK = 1 << 15;

// Signals are [clips][frames - 1][hop], responses [clips][frames][width], all contiguous. A filter
// rings for less than `reach` samples; the size of transforms is a multiple of 4, and no less than
// a hop and what rings at its ends.
struct Sizes {
    int64_t clips, frames, hop, reach, size;

    int64_t hops() const { return frames - 1; }
    int64_t length() const { return hops() * hop; }
    int64_t ring() const { return reach - 1; }
    int64_t rung() const { return hop + 2 * ring(); }
    // Bins of a real signal, in fours.
    int64_t width() const { return size / 2 / 4 * 4 + 4; }
    // Hops whose sound reaches into a hop, on either side of it.
    int64_t near() const { return (ring() + hop - 1) / hop; }
};

INLINE int64_t rounded_up(int64_t count, int64_t multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

// A hop's weights in the filters before and after it, [hop] pairs, and some zeros. They carry the
// factors of all that follows: two for each half of a sum below, and a transform's size.
std::vector<float> fades(const Sizes &sizes) {
    std::vector<float> weights(2 * rounded_up(sizes.hop, 4));
    for (int64_t i = 0; i < sizes.hop; i++) {
        float rise = float(i) / float(sizes.hop), scale = 1.0f / (2.0f * float(sizes.size));
        weights[2 * i] = (1.0f - rise) * scale;
        weights[2 * i + 1] = rise * scale;
    }
    return weights;
}

// The spectra, times two, of the real and of the imaginary part of what was transformed to bins
// a = z[k] and b = z[-k].
INLINE Complex of_real(const Complex &a, const Complex &b) { return {a.re + b.re, a.im - b.im}; }
INLINE Complex of_imag(const Complex &a, const Complex &b) { return {a.im + b.im, b.re - a.re}; }

// Working memory of a chunk: a stretch of a clip, in pairs of LANES hops, with room for what rings
// around it, and transforms.
class Bench {
  public:
    Bench(Scratch &scratch, const Sizes &sizes, const Fft &fft, int64_t hops)
        : sizes_(sizes), fft_(fft), fades_(fades(sizes)),
          stretch_(rounded_up(hops, PAIRED) * sizes.hop + 2 * sizes.ring() + 4) {
        z = scratch.get(3 * sizes.size, 2 * stretch_ + sizes.width());
        heard_ = reinterpret_cast<float *>(z + 3 * sizes.size);
        other_ = heard_ + stretch_;
        nowhere = other_ + stretch_;
    }

    // From hop `first` of a signal, and zeros beyond its ends.
    void lay_heard(const float *signal, int64_t first) { lay(signal, first, heard_); }
    void lay_other(const float *signal, int64_t first) { lay(signal, first, other_); }
    void lay_silence() { std::fill_n(other_, stretch_, 0.0f); }
    const float *other() const { return other_ + sizes_.ring(); }

    // Transforms LANES hops from `hop` on as they fade: out in the real part, in in the imaginary.
    void transform_heard(int64_t hop, Complex *to) const {
        const float *rows[LANES];
        for (int lane = 0; lane < LANES; lane++)
            rows[lane] = heard_ + sizes_.ring() + (hop + lane) * sizes_.hop;
        std::fill_n(to, sizes_.ring(), Complex{});
        Complex *start = to + sizes_.ring();
        for (int64_t i = 0; i < sizes_.hop; i += 4) {
            Floats columns[4];
            load_columns(rows, i, columns);
            for (int j = 0; j < 4; j++) {
                const float *fade = &fades_[2 * (i + j)];
                start[i + j] = {columns[j] * fade[0], columns[j] * fade[1]};
            }
        }
        std::fill(start + sizes_.hop, to + sizes_.size, Complex{});
        fft_.forward(to);
    }

    // Transforms PAIRED hops of the other signal and what is around them.
    void transform_other(int64_t hop, Complex *to) const {
        float *rows[2][LANES];
        other_rows(hop, rows);
        for (int64_t i = 0; i < sizes_.rung(); i += 4) {
            Floats re[4], im[4];
            load_columns(rows[0], i, re);
            load_columns(rows[1], i, im);
            for (int j = 0; j < 4; j++) to[i + j] = {re[j], im[j]};
        }
        std::fill(to + sizes_.rung(), to + sizes_.size, Complex{});
        fft_.forward(to);
    }

    // Adds a transform back to the other signal.
    void add_other(int64_t hop, Complex *from) const {
        fft_.backward(from);
        float *rows[2][LANES];
        other_rows(hop, rows);
        for (int64_t i = 0; i < sizes_.rung(); i += 4) {
            Floats re[4], im[4];
            for (int j = 0; j < 4; j++) re[j] = from[i + j].re, im[j] = from[i + j].im;
            add_columns(rows[0], i, re);
            add_columns(rows[1], i, im);
        }
    }

    Complex *z;      // [3][size]
    float *nowhere;  // [width]

  private:
    void lay(const float *signal, int64_t first, float *to) const {
        int64_t from = first * sizes_.hop - sizes_.ring();
        int64_t begin = std::max<int64_t>(from, 0);
        int64_t end = std::min(from + stretch_, sizes_.length());
        std::fill_n(to, begin - from, 0.0f);
        std::copy(signal + begin, signal + end, to + (begin - from));
        std::fill(to + (end - from), to + stretch_, 0.0f);
    }

    void other_rows(int64_t hop, float *rows[2][LANES]) const {
        for (int i = 0; i < PAIRED; i++) rows[i / LANES][i % LANES] = other_ + (hop + i) * sizes_.hop;
    }

    const Sizes sizes_;
    const Fft &fft_;
    const std::vector<float> fades_;
    const int64_t stretch_;
    float *heard_, *other_;
};

// Bins first..first+3 of the responses before and after PAIRED hops.
struct Responses {
    Floats before[2][4], after[2][4];

    INLINE Responses(const float *const rows[PAIRED + 1], int64_t first) {
        for (int half = 0; half < 2; half++) {
            load_columns(rows + half * LANES, first, before[half]);
            load_columns(rows + half * LANES + 1, first, after[half]);
        }
    }
};

// Filters what transform_heard left in z[0] and z[1], into z[0].
void filter(Complex *z, const Fft &fft, const float *const rows[PAIRED + 1]) {
    Complex *halves[2] = {z, z + fft.size()};
    for (int64_t first = 0; first <= fft.size() / 2; first += 4) {
        Responses response(rows, first);
        for (int i = 0; i < 4 && first + i <= fft.size() / 2; i++) {
            int64_t bin = first + i, mirrored = bin ? fft.size() - bin : 0;
            int64_t p = fft.place(bin), q = fft.place(mirrored);
            Complex y[2];
            for (int half = 0; half < 2; half++) {
                const Complex &a = halves[half][p], &b = halves[half][q];
                Floats before = response.before[half][i], after = response.after[half][i];
                Complex out = of_real(a, b), in = of_imag(a, b);
                y[half] = {out.re * before + in.re * after, out.im * before + in.im * after};
            }
            z[p] = {y[0].re - y[1].im, y[0].im + y[1].re};
            z[q] = {y[0].re + y[1].im, y[1].re - y[0].im};
        }
    }
}

// The adjoint, from the transform of the gradient in z[2]: adds to the responses' gradients.
void filter_grad(const Complex *z, const Fft &fft, float *const before[PAIRED],
                 float *const after[PAIRED]) {
    const int64_t middle = fft.size() / 2;
    const Complex *grad = z + 2 * fft.size();
    for (int64_t first = 0; first <= middle; first += 4) {
        Floats out[2][4] = {}, in[2][4] = {};
        for (int i = 0; i < 4 && first + i <= middle; i++) {
            int64_t bin = first + i, mirrored = bin ? fft.size() - bin : 0;
            int64_t p = fft.place(bin), q = fft.place(mirrored);
            // All bins but the first and the last stand for two.
            float weight = bin == mirrored ? 0.5f : 1.0f;
            for (int half = 0; half < 2; half++) {
                const Complex &a = z[half * fft.size() + p], &b = z[half * fft.size() + q];
                Complex g = half ? of_imag(grad[p], grad[q]) : of_real(grad[p], grad[q]);
                Complex x = of_real(a, b), y = of_imag(a, b);
                out[half][i] = (x.re * g.re + x.im * g.im) * weight;
                in[half][i] = (y.re * g.re + y.im * g.im) * weight;
            }
        }
        for (int half = 0; half < 2; half++) {
            add_columns(before + half * LANES, first, out[half]);
            add_columns(after + half * LANES, first, in[half]);
        }
    }
}

// Calls work(clip, first, last) for runs of `count` hops or frames of each clip, such that with
// `more` of them they fill transforms.
template <typename Work>
void for_runs(const Sizes &sizes, int64_t count, int64_t more, int64_t threads, const Work &work) {
    int64_t most = rounded_up(std::max(CHUNK / sizes.hop, 4 * more), PAIRED) - more;
    int64_t runs = (count + most - 1) / most;
    parallel_for(threads, sizes.clips * runs, [&](int64_t chunk) {
        int64_t run = chunk % runs;
        work(chunk / runs, count * run / runs, count * (run + 1) / runs);
    });
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

EXPORT void ddsp_noise(const float *white, const float *responses, int64_t clips, int64_t frames,
                       int64_t hop, int64_t reach, int64_t size, float *signal, int64_t threads) {
    Sizes sizes{clips, frames, hop, reach, size};
    const Fft &fft = Fft::of(size);
    for_runs(sizes, sizes.hops(), 2 * sizes.near(), threads, [&](int64_t clip, int64_t first,
                                                                 int64_t last) {
        thread_local Scratch scratch;
        int64_t begin = std::max<int64_t>(first - sizes.near(), 0);
        int64_t end = std::min(last + sizes.near(), sizes.hops());
        Bench bench(scratch, sizes, fft, end - begin);
        bench.lay_heard(white + clip * sizes.length(), begin);
        bench.lay_silence();
        for (int64_t at = begin; at < end; at += PAIRED) {
            const float *rows[PAIRED + 1];
            for (int i = 0; i <= PAIRED; i++) {
                int64_t frame = clip * frames + std::min(at + i, frames - 1);
                rows[i] = responses + frame * sizes.width();
            }
            bench.transform_heard(at - begin, bench.z);
            bench.transform_heard(at - begin + LANES, bench.z + size);
            filter(bench.z, fft, rows);
            bench.add_other(at - begin, bench.z);
        }
        std::copy_n(bench.other() + (first - begin) * hop, (last - first) * hop,
                    signal + clip * sizes.length() + first * hop);
    });
}

EXPORT void ddsp_noise_response_grad(const float *white, const float *grad, int64_t clips,
                                     int64_t frames, int64_t hop, int64_t reach, int64_t size,
                                     float *of_responses, int64_t threads) {
    Sizes sizes{clips, frames, hop, reach, size};
    const Fft &fft = Fft::of(size);
    for_runs(sizes, frames, 1, threads, [&](int64_t clip, int64_t first, int64_t last) {
        thread_local Scratch scratch;
        float *of_clip = of_responses + clip * frames * sizes.width();
        std::fill(of_clip + first * sizes.width(), of_clip + last * sizes.width(), 0.0f);
        int64_t begin = std::max<int64_t>(first - 1, 0), end = std::min(last, sizes.hops());
        Bench bench(scratch, sizes, fft, end - begin);
        bench.lay_heard(white + clip * sizes.length(), begin);
        bench.lay_other(grad + clip * sizes.length(), begin);
        for (int64_t at = begin; at < end; at += PAIRED) {
            float *rows[PAIRED + 1];
            for (int i = 0; i <= PAIRED; i++) {
                bool own = first <= at + i && at + i < last;
                rows[i] = own ? of_clip + (at + i) * sizes.width() : bench.nowhere;
            }
            bench.transform_heard(at - begin, bench.z);
            bench.transform_heard(at - begin + LANES, bench.z + size);
            bench.transform_other(at - begin, bench.z + 2 * size);
            filter_grad(bench.z, fft, rows, rows + 1);
        }
    });
}
