// What lies between hidden frames and a tone.

#include <algorithm>

#include "abi.h"
#include "exponentials.h"
#include "product.h"
#include "threads.h"

namespace ddsp {
namespace {

const int64_t SPAN = 1 << 14;  // numbers of a chunk

// Calls work(numbers...) on vectors of arrays of `count` numbers, and writes what it returns to the
// first of them; what is missing in the last vectors is zero.
template <typename Work, typename... From>
void for_vectors(int64_t count, int64_t threads, const Work &work, float *to,
                 const From *...from) {
    if (count <= SPAN) threads = 1;
    parallel_for(threads, (count + SPAN - 1) / SPAN, [&](int64_t chunk) {
        const int64_t end = std::min((chunk + 1) * SPAN, count);
        int64_t i = chunk * SPAN;
        for (; i + LANES <= end; i += LANES) store(to + i, work(load(from + i)...));
        if (i == end) return;
        const auto rest = [&](const float *all_of_it) {
            float some[LANES] = {};
            std::copy_n(all_of_it + i, end - i, some);
            return load(some);
        };
        float some[LANES];
        store(some, work(rest(from)...));
        std::copy_n(some, end - i, to + i);
    });
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// 2 sigmoid(x)^ln(10) + 1e-7
EXPORT void ddsp_exp_sigmoid(const float *x, float *y, int64_t count, int64_t threads) {
    for_vectors(count, threads, [](Floats a) { return exp_sigmoid(a); }, y, x);
}

// Its gradient, from what it was and from the gradient of that.
EXPORT void ddsp_exp_sigmoid_grad(const float *y, const float *of_y, float *of_x, int64_t count,
                                  int64_t threads) {
    for_vectors(count, threads, [](Floats a, Floats g) { return g * exp_sigmoid_slope(a); }, of_x,
                y, of_y);
}

// For streams, `exp_sigmoid` of x [rows][inputs] times matrix [inputs][rounded outputs] plus
// bias [rounded outputs]; to [rows][rounded outputs].
EXPORT void ddsp_amplitudes(const float *x, const float *matrix, const float *bias, float *to,
                            int64_t rows, int64_t inputs, int64_t outputs) {
    for (int64_t row = 0; row < rows; row++, to += rounded(outputs)) {
        std::fill_n(to, rounded(outputs), 0.0f);
        add_product(x + row * inputs, inputs, matrix, outputs, to);
        // The bias comes last: sums that began with a large one would lose their last bits.
        for (int64_t i = 0; i < rounded(outputs); i += LANES)
            store(to + i, exp_sigmoid(load(to + i) + load(bias + i)));
    }
}

// For streams: shares amplitude [batch] among the harmonics below Nyquist, by distribution [batch][harmonics];
// nothing left is silence. ends [batch][2][harmonics]: of the last two frames, the earlier one's
// to be forgotten.
EXPORT void ddsp_share(const float *f0_hz, const float *amplitude, const float *distribution,
                       float *ends, int64_t batch, int64_t harmonics, int64_t sample_rate) {
    const float nyquist = float(sample_rate) / 2.0f;
    for (int64_t row = 0; row < batch; row++, distribution += harmonics) {
        float *before = ends + row * 2 * harmonics, *now = before + harmonics;
        std::copy_n(now, harmonics, before);
        float total = 0.0f;
        for (int64_t i = 0; i < harmonics; i++) {
            now[i] = float(i + 1) * f0_hz[row] < nyquist ? distribution[i] : 0.0f;
            total += now[i];
        }
        const float scale = amplitude[row] / std::max(total, 1.17549435e-38f);
        for (int64_t i = 0; i < harmonics; i++) now[i] *= scale;
    }
}
