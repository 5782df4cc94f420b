// The moving filter of ddspcore/dsp/filters.py, and its gradients.
//
// Every frame has a symmetric filter, given as its taps at lags 0..reach-1, and hears the input
// through a triangle two hops wide. The signal, the gradient of the taps and that of the input are
// each a correlation of something as long as a filter with something as long as a triangle.

#include <algorithm>
#include <vector>

#include "abi.h"
#include "threads.h"
#include "vector.h"

namespace {

using namespace ddsp;

constexpr int TILE = 8;             // vectors of results in registers
constexpr int STEP = 2 * LANES;     // weights are read in pairs, LANES apart
constexpr int64_t CHUNK = 1 << 20;  // multiply-adds in a chunk of work: some 100 microseconds

// to[i] = sum of weights[k] * signal[i + k], for a tile of i. Reads STEP weights at a time, and the
// signal as far as they reach. One load of the signal serves two results.
void correlate(const float *signal, const float *weights, int64_t count, float *to) {
    Floats sums[TILE] = {};
    for (int64_t step = 0; step < count; step += STEP) {
        for (int64_t k = step; k < step + LANES; k++) {
            Floats here = all(weights[k]), beyond = all(weights[k + LANES]);
            Floats x = load(signal + k);
            for (int i = 0; i < TILE; i++) {
                Floats next = load(signal + k + (i + 1) * LANES);
                hold(next);
                sums[i] = fma(here, x, sums[i]);
                sums[i] = fma(beyond, next, sums[i]);
                x = next;
            }
        }
    }
    for (int i = 0; i < TILE; i++) store(to + i * LANES, sums[i]);
}

// All arrays are contiguous: signals [clips, (frames - 1) * hop], taps [clips, frames, reach].
struct Sizes {
    int64_t clips, frames, reach, hop;

    int64_t length() const { return (frames - 1) * hop; }
    int64_t run() const { return std::max<int64_t>(1, CHUNK / (4 * reach * hop)); }
};

// Stretches of signals and filters, with zeros around for tiles that reach beyond.
class Bench {
  public:
    explicit Bench(const Sizes &size)
        : size_(size), margin_(2 * size.reach + TILE * LANES + STEP),
          stretch_(2 * size.hop + 2 * margin_), filter_(2 * size.reach + STEP),
          weights_(2 * size.hop + STEP) {
        for (int64_t j = 0; j < size.hop; j++) {
            float rise = float(j) / float(size.hop);
            weights_[j] = rise;
            weights_[size.hop + j] = 1.0f - rise;
        }
    }

    // The two hops around a frame, whose first sample is at origin(frame).
    int64_t origin(int64_t frame) const { return (frame - 1) * size_.hop; }
    int64_t end(int64_t frame) const { return (frame + 1) * size_.hop; }

    // Lays out a signal around a frame, `beyond` samples more on either side; zeros elsewhere.
    void lay(const float *signal, int64_t frame, int64_t beyond) {
        int64_t from = std::max<int64_t>(origin(frame) - beyond, 0);
        int64_t to = std::min(end(frame) + beyond, size_.length());
        float *start = at(frame, from);
        std::fill(stretch_.data(), start, 0.0f);
        float *rest = std::copy(signal + from, signal + to, start);
        std::fill(rest, stretch_.data() + stretch_.size(), 0.0f);
    }

    void lay_weighted(const float *signal, int64_t frame) {
        lay(signal, frame, 0);
        for (int64_t j = 0; j < 2 * size_.hop; j++) stretch_[margin_ + j] *= weights_[j];
    }

    // Mirrors the taps of a frame: filter()[reach - 1 + lag] for lags on either side.
    void lay_filter(const float *taps) {
        for (int64_t lag = 0; lag < size_.reach; lag++)
            filter_[size_.reach - 1 + lag] = filter_[size_.reach - 1 - lag] = taps[lag];
    }

    float *at(int64_t frame, int64_t sample) {
        return stretch_.data() + margin_ + sample - origin(frame);
    }
    const float *filter() const { return filter_.data(); }
    const float *weights() const { return weights_.data(); }
    float tile[TILE * LANES];

  private:
    const Sizes size_;
    const int64_t margin_;
    std::vector<float> stretch_, filter_, weights_;
};

// Calls work(clip, first, last) for runs of `count` things of each clip.
template <typename Work>
void for_runs(const Sizes &size, int64_t count, int64_t threads, const Work &work) {
    int64_t runs = (count + size.run() - 1) / size.run();
    parallel_for(threads, size.clips * runs, [&](int64_t chunk) {
        int64_t first = chunk % runs * size.run();
        work(chunk / runs, first, std::min(first + size.run(), count));
    });
}

}  // namespace

EXPORT void ddsp_noise(const float *white, const float *taps, int64_t clips, int64_t frames,
                       int64_t reach, int64_t hop, float *signal, int64_t threads) {
    Sizes size{clips, frames, reach, hop};
    for_runs(size, frames - 1, threads, [&](int64_t clip, int64_t first, int64_t last) {
        Bench bench(size);
        const float *heard = white + clip * size.length();
        float *out = signal + clip * size.length();
        int64_t from = first * hop, to = last * hop, ring = reach - 1;
        std::fill(out + from, out + to, 0.0f);
        int64_t before = (ring + hop - 1) / hop;
        int64_t frame = std::max<int64_t>(first - before, 0);
        for (; frame < std::min(last + before + 1, frames); frame++) {
            bench.lay_weighted(heard, frame);
            bench.lay_filter(taps + (clip * frames + frame) * reach);
            int64_t origin = bench.origin(frame), end = bench.end(frame);
            int64_t stop = std::min(to, end + ring);
            for (int64_t t = std::max(from, origin - ring); t < stop; t += TILE * LANES) {
                // Leave out the taps that meet nothing but zeros.
                int64_t skip = std::max<int64_t>(origin - (t + TILE * LANES - 1) + ring, 0);
                int64_t taps_end = std::min(2 * ring + 1, end - t + ring);
                correlate(bench.at(frame, t - ring + skip), bench.filter() + skip,
                          taps_end - skip, bench.tile);
                int64_t count = std::min<int64_t>(stop - t, TILE * LANES);
                for (int64_t i = 0; i < count; i++) out[t + i] += bench.tile[i];
            }
        }
    });
}

EXPORT void ddsp_noise_taps_grad(const float *white, const float *grad, int64_t clips,
                                 int64_t frames, int64_t reach, int64_t hop, float *of_taps,
                                 int64_t threads) {
    Sizes size{clips, frames, reach, hop};
    for_runs(size, frames, threads, [&](int64_t clip, int64_t first, int64_t last) {
        Bench heard(size), asked(size);
        std::vector<float> lags(2 * reach + TILE * LANES);
        int64_t ring = reach - 1;
        for (int64_t frame = first; frame < last; frame++) {
            heard.lay_weighted(white + clip * size.length(), frame);
            asked.lay(grad + clip * size.length(), frame, ring);
            int64_t origin = heard.origin(frame);
            for (int64_t lag = -ring; lag <= ring; lag += TILE * LANES)
                correlate(asked.at(frame, origin + lag), heard.at(frame, origin), 2 * hop,
                          lags.data() + ring + lag);
            float *of = of_taps + (clip * frames + frame) * reach;
            of[0] = lags[ring];
            for (int64_t lag = 1; lag < reach; lag++) of[lag] = lags[ring + lag] + lags[ring - lag];
        }
    });
}

EXPORT void ddsp_noise_white_grad(const float *taps, const float *grad, int64_t clips,
                                  int64_t frames, int64_t reach, int64_t hop, float *of_white,
                                  int64_t threads) {
    Sizes size{clips, frames, reach, hop};
    for_runs(size, frames - 1, threads, [&](int64_t clip, int64_t first, int64_t last) {
        Bench bench(size);
        float *of = of_white + clip * size.length();
        int64_t from = first * hop, to = last * hop, ring = reach - 1;
        std::fill(of + from, of + to, 0.0f);
        for (int64_t frame = first; frame <= last; frame++) {
            bench.lay(grad + clip * size.length(), frame, ring);
            bench.lay_filter(taps + (clip * frames + frame) * reach);
            int64_t origin = bench.origin(frame), stop = std::min(to, bench.end(frame));
            for (int64_t s = std::max(from, origin); s < stop; s += TILE * LANES) {
                correlate(bench.at(frame, s - ring), bench.filter(), 2 * ring + 1, bench.tile);
                int64_t count = std::min<int64_t>(stop - s, TILE * LANES);
                for (int64_t i = 0; i < count; i++)
                    of[s + i] += bench.tile[i] * bench.weights()[s + i - origin];
            }
        }
    });
}
