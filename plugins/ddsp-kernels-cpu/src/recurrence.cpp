#include <algorithm>
#include <memory>
#include <new>

#include "abi.h"
#include "exponentials.h"
#include "threads.h"

// The recurrence of a GRU. Clips do not hear each other, so each thread takes a few of them through
// all steps, and no step waits for another thread.

namespace ddsp {
namespace {

const int64_t CLIPS = 8;    // at a time: as often is a weight used once it has been fetched
const int64_t ROWS = 4;     // whose sums of a panel stay in registers,
const int64_t VECTORS = 3;  // twelve of sixteen
const int64_t PANEL = VECTORS * LANES;

// A matrix [inputs][outputs], cut into panels of columns: [outputs / PANEL][inputs][PANEL], the
// last one filled up with zeros. Its strides are given.
class Panels {
  public:
    Panels(const float *matrix, int64_t inputs, int64_t outputs, int64_t by_input,
           int64_t by_output)
        : inputs_(inputs), padded_((outputs + PANEL - 1) / PANEL * PANEL),
          values_(new float[inputs * padded_]()) {
        for (int64_t column = 0; column < outputs; column++) {
            float *to = &values_[column / PANEL * PANEL * inputs + column % PANEL];
            const float *from = matrix + column * by_output;
            for (int64_t i = 0; i < inputs; i++) to[i * PANEL] = from[i * by_input];
        }
    }

    int64_t padded() const { return padded_; }

    // to [rows][padded] = from [rows][inputs] times the matrix.
    void multiply(const float *from, int64_t stride, int64_t rows, float *to) const {
        for (int64_t first = 0; first < padded_; first += PANEL) {
            const float *panel = &values_[first * inputs_];
            int64_t row = 0;
            for (; row + ROWS <= rows; row += ROWS)
                tile<ROWS>(panel, from + row * stride, stride, to + row * padded_ + first);
            for (; row < rows; row++)
                tile<1>(panel, from + row * stride, stride, to + row * padded_ + first);
        }
    }

  private:
    template <int Rows>
    INLINE void tile(const float *panel, const float *from, int64_t stride, float *to) const {
        Floats sums[Rows][VECTORS] = {};
        for (int64_t i = 0; i < inputs_; i++, panel += PANEL) {
            Floats weights[VECTORS];
            for (int v = 0; v < VECTORS; v++) {
                weights[v] = load(panel + v * LANES);
                __builtin_prefetch(panel + 32 * PANEL + v * LANES);
            }
            for (int row = 0; row < Rows; row++) {
                Floats x = all(from[row * stride + i]);
                for (int v = 0; v < VECTORS; v++) sums[row][v] = fma(x, weights[v], sums[row][v]);
            }
        }
        for (int row = 0; row < Rows; row++)
            for (int v = 0; v < VECTORS; v++) store(to + row * padded_ + v * LANES, sums[row][v]);
    }

    int64_t inputs_, padded_;
    std::unique_ptr<float[]> values_;
};

INLINE Floats tanh(Floats x) { return 2.0f * sigmoid(2.0f * x) - 1.0f; }

std::unique_ptr<float[]> room(int64_t floats) {
    return std::unique_ptr<float[]>(new float[floats]);
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// Completes hidden [steps + 1][clips][width], of which the first step is given, and gates
// [steps][clips][4 width], which hold what the memory does not add: recalled, reset, update and
// candidate. weight [3 width][width] is of the first three. The width is a multiple of 16.
EXPORT void ddsp_recur(const float *weight, float *hidden, float *gates, int64_t steps,
                       int64_t clips, int64_t width, int64_t threads) {
    const Panels panels(weight, width, 3 * width, 1, width);
    parallel_for(threads, (clips + CLIPS - 1) / CLIPS, [&](int64_t chunk) {
        const int64_t first = chunk * CLIPS, rows = std::min(CLIPS, clips - first);
        const auto sums = room(rows * panels.padded());
        for (int64_t step = 0; step < steps; step++) {
            const float *before = hidden + (step * clips + first) * width;
            panels.multiply(before, width, rows, sums.get());
            for (int64_t row = 0; row < rows; row++) {
                const float *sum = &sums[row * panels.padded()], *was = before + row * width;
                float *gate = gates + (step * clips + first + row) * 4 * width;
                float *after = hidden + ((step + 1) * clips + first + row) * width;
                for (int64_t i = 0; i < width; i += LANES) {
                    float *at[4];
                    for (int k = 0; k < 4; k++) at[k] = gate + k * width + i;
                    Floats recalled = load(at[0]) + load(sum + i);
                    Floats reset = sigmoid(load(at[1]) + load(sum + width + i));
                    Floats update = sigmoid(load(at[2]) + load(sum + 2 * width + i));
                    Floats candidate = tanh(fma(reset, recalled, load(at[3])));
                    store(at[0], recalled), store(at[1], reset);
                    store(at[2], update), store(at[3], candidate);
                    store(after + i, fma(update, load(was + i) - candidate, candidate));
                }
            }
        }
    });
}

// From the gradient of hidden, pushed [steps + 1][clips][width], to that of the gates before they
// were squashed, slopes [steps][clips][4 width], and of the first step, carried [clips][width].
EXPORT void ddsp_recur_back(const float *pushed, const float *hidden, const float *gates,
                            const float *weight, float *slopes, float *carried, int64_t steps,
                            int64_t clips, int64_t width, int64_t threads) {
    const Panels panels(weight, 3 * width, width, width, 1);
    parallel_for(threads, (clips + CLIPS - 1) / CLIPS, [&](int64_t chunk) {
        const int64_t first = chunk * CLIPS, rows = std::min(CLIPS, clips - first);
        const auto sums = room(rows * panels.padded());
        float *const carry = carried + first * width;
        std::memcpy(carry, pushed + (steps * clips + first) * width, rows * width * sizeof(float));
        for (int64_t step = steps - 1; step >= 0; step--) {
            const int64_t at = step * clips + first;
            for (int64_t row = 0; row < rows; row++) {
                const float *gate = gates + (at + row) * 4 * width;
                const float *was = hidden + (at + row) * width;
                const float *push = pushed + (at + row) * width;
                float *slope = slopes + (at + row) * 4 * width, *mine = carry + row * width;
                for (int64_t i = 0; i < width; i += LANES) {
                    Floats recalled = load(gate + i), reset = load(gate + width + i);
                    Floats update = load(gate + 2 * width + i);
                    Floats candidate = load(gate + 3 * width + i);
                    Floats change = load(mine + i), kept = change * (1.0f - update);
                    Floats of_candidate = kept * (1.0f - candidate * candidate);
                    Floats of_recalled = of_candidate * reset;
                    store(slope + i, of_recalled);
                    store(slope + width + i, of_recalled * (1.0f - reset) * recalled);
                    store(slope + 2 * width + i, kept * update * (load(was + i) - candidate));
                    store(slope + 3 * width + i, of_candidate);
                    store(mine + i, fma(change, update, load(push + i)));
                }
            }
            panels.multiply(slopes + at * 4 * width, 4 * width, rows, sums.get());
            for (int64_t row = 0; row < rows; row++)
                for (int64_t i = 0; i < width; i += LANES) {
                    float *mine = carry + row * width + i;
                    store(mine, load(mine) + load(&sums[row * panels.padded() + i]));
                }
        }
    });
}
