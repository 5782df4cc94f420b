#include "abi.h"
#include "bins.h"
#include "chunks.h"
#include "threads.h"
#include "window.h"

namespace ddsp {
namespace {

// One resolution.
struct Scale {
    int64_t window, hop, frames, bins;
    const float *targets;  // [items][frames][bins]
    const Window *tables;
    double weight;  // of a bin in the mean over bins and scales
    Terms terms;    // for the gradient: with this weight
};

// The signal and its gradient [items][length], each item cut into `chunks` of `samples`.
struct Job {
    const float *x;
    int64_t items, length;
    float linear, log;
    float *gradient;
    std::vector<Scale> scales{};
    int64_t room = 0, margin = 0, samples = 0, chunks = 0;
    std::vector<double> distances{};  // [items][chunks]
    std::vector<float> spill{};       // [items][chunks][2][margin]: gradient before and after each
};

// The distance of frames first..last-1 at one scale, the first of which begins at x. Adds to the
// gradient, which is where x is; unused lanes add to `nowhere`.
template <bool Gradient>
double run_frames(const Job &job, const Scale &scale, int64_t item, int64_t first, int64_t last,
                  const float *x, float *gradient, float *nowhere, Complex *z) {
    const Window &tables = *scale.tables;
    double linear = 0, log = 0;
    for (int64_t frame = first; frame < last; frame += LANES) {
        const float *from[LANES], *targets[LANES];
        float *to[LANES];
        int used = int(std::min<int64_t>(LANES, last - frame));
        for (int lane = 0; lane < LANES; lane++) {
            int64_t which = frame + std::min(lane, used - 1), start = (which - first) * scale.hop;
            from[lane] = x + start;
            to[lane] = lane < used ? gradient + start : nowhere;
            targets[lane] = scale.targets + (item * scale.frames + which) * scale.bins;
        }
        Sums sums;
        load_frames(from, tables.shape.data(), scale.window, z);
        tables.fft.forward(z);
        compare<Gradient>(z, tables.fft, tables.twiddles.data(), targets,
                          targets[0] + LANES * scale.bins, scale.terms, sums);
        for (int lane = 0; lane < used; lane++) {
            linear += sums.linear(lane);
            log += sums.log(lane, scale.bins);
        }
        if (!Gradient) continue;
        tables.fft.backward(z);
        add_frames(z, tables.shape.data(), scale.window, to);
    }
    return (job.linear * linear + job.log * log) * scale.weight;
}

// The distance and the gradient of all frames that are centred in a chunk.
template <bool Gradient>
void run_chunk(Job &job, int64_t item, int64_t chunk) {
    int64_t begin = chunk * job.samples, end = std::min(begin + job.samples, job.length);
    int64_t padded = end - begin + 2 * job.margin;
    thread_local Scratch scratch;
    Complex *z = scratch.get(job.room, 2 * padded + 2 * job.margin);
    float *x = reinterpret_cast<float *>(z + job.room);
    float *gradient = x + padded, *nowhere = gradient + padded;
    copy_reflected(job.x + item * job.length, job.length, begin - job.margin, padded, x);
    if (Gradient) std::fill_n(gradient, padded + 2 * job.margin, 0.0f);
    double distance = 0;
    for (const Scale &scale : job.scales) {
        int64_t first = (begin + scale.hop - 1) / scale.hop;
        int64_t last = end < job.length ? (end + scale.hop - 1) / scale.hop : scale.frames;
        int64_t start = first * scale.hop - begin + job.margin - scale.window / 2;
        distance += run_frames<Gradient>(job, scale, item, first, last, x + start,
                                         gradient + start, nowhere, z);
    }
    job.distances[item * job.chunks + chunk] = distance;
    if (!Gradient) return;
    const float *own = gradient + job.margin;
    float *spill = &job.spill[(item * job.chunks + chunk) * 2 * job.margin];
    std::copy_n(gradient, job.margin, spill);
    std::copy_n(own + (end - begin), job.margin, spill + job.margin);
    std::copy_n(own, end - begin, job.gradient + item * job.length + begin);
}

// Adds what the chunks of an item spilled over their ends.
void collect(const Job &job, int64_t item) {
    float *gradient = job.gradient + item * job.length;
    for (int64_t chunk = 0; chunk < job.chunks; chunk++) {
        int64_t begin = chunk * job.samples, end = std::min(begin + job.samples, job.length);
        const float *spill = &job.spill[(item * job.chunks + chunk) * 2 * job.margin];
        for (int64_t i = 0; i < job.margin; i++) {
            gradient[reflect(begin - job.margin + i, job.length)] += spill[i];
            gradient[reflect(end + i, job.length)] += spill[job.margin + i];
        }
    }
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// The mean over `resolutions`, of which `scales` are given here, of the mean over bins of
//     linear |m - t| + log |ln((m + log_eps) / (t + log_eps))|,
// m being the magnitudes of x [items][length] and t targets[scale] [items][length / hop + 1]
// [window / 2 + 1]. Windows are multiples of 16 samples, and half a window is shorter than x.
// `gradient` [items][length] is null where it is not wanted.
EXPORT void ddsp_spectral_l1(const float *x, int64_t items, int64_t length,
                             const float *const *targets, const int64_t *windows,
                             const int64_t *hops, int64_t scales, int64_t resolutions, float linear,
                             float log, float log_eps, float *distance, float *gradient,
                             int64_t threads) {
    Job job{x, items, length, linear, log, gradient};
    int64_t longest_hop = 1;
    for (int64_t i = 0; i < scales; i++) {
        const Window &tables = Window::of(windows[i]);
        int64_t frames = length / hops[i] + 1, bins = windows[i] / 2 + 1;
        double weight = 1.0 / (double(items) * frames * bins * resolutions);
        Terms terms{float(linear * weight), float(log * weight), log_eps};
        job.scales.push_back(
            {windows[i], hops[i], frames, bins, targets[i], &tables, weight, terms});
        job.room = std::max(job.room, tables.fft.room());
        job.margin = std::max(job.margin, windows[i] / 2);
        longest_hop = std::max(longest_hop, hops[i]);
    }
    // What a chunk spills reaches no further than the next.
    job.samples = chunk_samples(longest_hop, job.margin);
    job.chunks = (length + job.samples - 1) / job.samples;
    job.distances.resize(items * job.chunks);
    if (gradient) job.spill.resize(items * job.chunks * 2 * job.margin);
    parallel_for(threads, items * job.chunks, [&](int64_t i) {
        auto run = gradient ? run_chunk<true> : run_chunk<false>;
        run(job, i / job.chunks, i % job.chunks);
    });
    if (gradient) parallel_for(threads, items, [&](int64_t item) { collect(job, item); });
    double sum = 0;
    for (double part : job.distances) sum += part;
    *distance = float(sum);
}
