#include "abi.h"
#include "bins.h"
#include "chunks.h"
#include "threads.h"
#include "window.h"

namespace ddsp {
namespace {

// z has what Fft::forward left of LANES frames under half a window.
void store_magnitudes(const Complex *z, const Window &tables, float *const rows[LANES]) {
    const Fft &fft = tables.fft;
    const int64_t half = fft.size(), middle = half / 2;
    for (int64_t bin = 0; bin < middle; bin += 4) {
        Floats columns[4], mirrored[4];
        for (int i = 0; i < 4; i++) {
            Complex x{2 * (z->re + z->im), Floats{}}, last{2 * (z->re - z->im), Floats{}};
            if (bin + i > 0)
                unfold(z[fft.place(bin + i)], z[fft.place(half - bin - i)],
                       &tables.twiddles[2 * (bin + i)], x, last);
            columns[i] = modulus(x), mirrored[3 - i] = modulus(last);
        }
        store_columns(rows, bin, columns);
        store_columns(rows, half - bin - 3, mirrored);
    }
    const Complex &x = z[fft.place(middle)];
    Floats magnitude = modulus({2 * x.re, 2 * x.im});
    for (int lane = 0; lane < LANES; lane++) rows[lane][middle] = magnitude[lane];
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// The magnitudes [items][length / hop + 1][window / 2 + 1] of x [items][length]. The window is a
// multiple of 16 samples, and half of it is shorter than x.
EXPORT void ddsp_magnitude(const float *x, int64_t items, int64_t length, int64_t window,
                           int64_t hop, float *magnitudes, int64_t threads) {
    const Window &tables = Window::of(window);
    const int64_t margin = window / 2, bins = margin + 1, frames = length / hop + 1;
    const int64_t samples = chunk_samples(hop, margin), at_once = samples / hop;
    const int64_t chunks = (frames + at_once - 1) / at_once;
    parallel_for(threads, items * chunks, [&](int64_t chunk) {
        int64_t item = chunk / chunks, first = chunk % chunks * at_once;
        int64_t last = std::min(first + at_once, frames), padded = samples + window;
        thread_local Scratch scratch;
        Complex *z = scratch.get(tables.fft.room(), padded + bins);
        float *signal = reinterpret_cast<float *>(z + tables.fft.room());
        float *nowhere = signal + padded;
        copy_reflected(x + item * length, length, first * hop - margin,
                       (last - 1 - first) * hop + window, signal);
        for (int64_t frame = first; frame < last; frame += LANES) {
            const float *from[LANES];
            float *to[LANES];
            for (int lane = 0; lane < LANES; lane++) {
                int64_t which = std::min(frame + lane, last - 1);
                from[lane] = signal + (which - first) * hop;
                to[lane] = nowhere;
                if (which == frame + lane) to[lane] = magnitudes + (item * frames + which) * bins;
            }
            load_frames(from, tables.shape.data(), window, z);
            tables.fft.forward(z);
            store_magnitudes(z, tables, to);
        }
    });
}
