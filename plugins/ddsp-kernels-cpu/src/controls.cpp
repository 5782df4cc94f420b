#include <algorithm>
#include <cmath>

#include "abi.h"
#include "product.h"

// What lies between hidden frames and a tone, for streams: so little arithmetic that loops over
// scalars will do.

using namespace ddsp;

// 2 sigmoid(y)^ln(10) + 1e-7 of y = x [rows][inputs] times matrix [inputs][rounded outputs] plus
// bias [rounded outputs]; to [rows][rounded outputs].
EXPORT void ddsp_amplitudes(const float *x, const float *matrix, const float *bias, float *to,
                            int64_t rows, int64_t inputs, int64_t outputs) {
    for (int64_t row = 0; row < rows; row++, to += rounded(outputs)) {
        std::fill_n(to, rounded(outputs), 0.0f);
        add_product(x + row * inputs, inputs, matrix, outputs, to);
        for (int64_t i = 0; i < outputs; i++) {
            // The bias comes last: sums that began with a large one would lose their last bits.
            const float sigmoid = 1.0f / (1.0f + std::exp(-(to[i] + bias[i])));
            to[i] = 2.0f * std::pow(sigmoid, 2.30258509f) + 1e-7f;
        }
    }
}

// Shares amplitude [batch] among the harmonics below Nyquist, by distribution [batch][harmonics];
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
