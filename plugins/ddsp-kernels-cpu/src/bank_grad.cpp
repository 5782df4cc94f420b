// The gradients of the bank of harmonic sines.
//
// By amplitude: those at the two ends of a hop get g sin(k p) weighted by 1 - w and w, which grows
// linearly from sample to sample. Going through the vectors of samples backwards, the sum of all
// partial sums weights vector v by v, so that w costs one addition. The sines of four harmonics
// follow from the wave of 4 q phases by sin((k + 1) p) = 2 cos(p) sin(k p) - sin((k - 1) p).
//
// By frequency: the adjoint of the phase, which sums the frequencies of all earlier samples.

#include "abi.h"
#include "bank.h"

namespace {

using namespace ddsp;

constexpr int GROUP = 4;               // harmonics from one wave: the recurrence stays exact
constexpr int64_t SPAN = 256 / LANES;  // vectors of samples whose waves stay in the cache

// What a vector of samples adds to the sums.
struct Sample {
    Wave first;
    Floats twice_cosine, upstream, f0;
};

// The sums over a hop of g sin(k p), and of w g sin(k p).
struct Sums {
    std::vector<float> whole, later;
};

class Gradient {
  public:
    Gradient(const Sizes &size, const std::vector<float> &weights)
        : size_(size), weights_(weights), samples_(SPAN),
          waves_((size.harmonics / GROUP + 2) * SPAN) {
        sums.whole.resize(waves_.size() / SPAN * GROUP);
        sums.later.resize(waves_.size() / SPAN * GROUP);
    }

    void add_hop(const float *f0, const HopPhase &phase, const float *upstream) {
        Reach reach(f0, size_);
        std::fill(sums.whole.begin(), sums.whole.end(), 0.0f);
        std::fill(sums.later.begin(), sums.later.end(), 0.0f);
        if (reach.end == 1) return;
        PhaseWalk walk(phase, 0);
        for (int64_t v = 0; v < size_.hop_vectors(); v += SPAN) {
            int64_t vectors = std::min(size_.hop_vectors() - v, SPAN);
            int64_t groups = (reach.end + GROUP - 1) / GROUP;
            Phases turns[SPAN];
            for (int64_t u = 0; u < vectors; u++) {
                Phases phases = walk.next();
                Wave first = wave(phases);
                int64_t j = (v + u) * LANES;
                samples_[u] = {first, first.cosine + first.cosine,
                               load_some(upstream + j, size_.hop - j),
                               glide(f0, load(weights_.data() + j))};
                turns[u] = phases * uint32_t(GROUP);
            }
            multiply(turns, vectors, waves_.data(), groups);
            for (int64_t q = 0; q < groups; q++)
                if (GROUP * (q + 1) <= reach.sure)
                    add_group<false>(q, v, vectors);
                else
                    add_group<true>(q, v, vectors);
        }
    }

    Sums sums;

  private:
    template <bool MASKED>
    void add_group(int64_t q, int64_t first, int64_t vectors) {
        Floats part[GROUP] = {}, parts[GROUP] = {};
        Floats nyquist = all(size_.nyquist());
        for (int64_t u = vectors - 1; u >= 0; u--) {
            const Sample &sample = samples_[u];
            Wave start = waves_[q * vectors + u];
            Floats before = start.sine;
            Floats now = fma(before, sample.first.cosine, start.cosine * sample.first.sine);
            for (int i = 0; i < GROUP; i++) {
                Floats g = sample.upstream;
                if (MASKED) {
                    Ints sounds = sample.f0 * float(GROUP * q + i) < nyquist;
                    g = select(sounds, g, all(0.0f));
                }
                parts[i] += part[i];
                part[i] = fma(g, before, part[i]);
                Floats next = fma(sample.twice_cosine, now, -before);
                before = now;
                now = next;
            }
        }
        for (int i = 0; i < GROUP; i++) {
            float whole = sum(part[i]);
            float steps = sum(fma(parts[i], all(float(LANES)), part[i] * lane_numbers()));
            sums.whole[GROUP * q + i] += whole;
            sums.later[GROUP * q + i] += (whole * float(first * LANES) + steps) / float(size_.hop);
        }
    }

    static Floats load_some(const float *from, int64_t count) {
        if (count >= LANES) return load(from);
        Floats x = {};
        std::memcpy(&x, from, count * sizeof(float));
        return x;
    }

    const Sizes size_;
    const std::vector<float> &weights_;
    std::vector<Sample> samples_;
    std::vector<Wave> waves_;
};

}  // namespace

// start may be null. grad is that of the signal, of_amplitudes that of the amplitudes.
EXPORT void ddsp_bank_amplitude_grad(const float *f0, const int64_t *start, const float *grad,
                                     int64_t clips, int64_t frames, int64_t harmonics, int64_t hop,
                                     int64_t sample_rate, float *of_amplitudes, int64_t threads) {
    Sizes size{clips, frames, harmonics, hop, sample_rate};
    auto weights = ramp(size);
    auto phases = hop_phases(f0, start, size, threads);
    // What the last hop of a run owes to the frame after it, which the next run writes.
    std::vector<float> owed(clips * size.runs() * harmonics);
    for_runs(size, threads, [&](int64_t clip, int64_t first, int64_t last, int64_t run) {
        Gradient gradient(size, weights);
        float *later = owed.data() + run * harmonics;
        for (int64_t n = first; n < last; n++) {
            int64_t frame = clip * frames + n, place = clip * size.hops() + n;
            gradient.add_hop(f0 + frame, phases[place], grad + place * hop);
            for (int64_t k = 0; k < harmonics; k++) {
                float whole = gradient.sums.whole[k + 1], part = gradient.sums.later[k + 1];
                of_amplitudes[frame * harmonics + k] = later[k] + (whole - part);
                later[k] = part;
            }
        }
    });
    for (int64_t run = 0; run < clips * size.runs(); run++) {
        int64_t clip = run / size.runs(), after = (run % size.runs() + 1) * size.run();
        bool ends = after >= size.hops();
        int64_t frame = clip * frames + (ends ? size.hops() : after);
        for (int64_t k = 0; k < harmonics; k++) {
            float &slot = of_amplitudes[frame * harmonics + k];
            slot = owed[run * harmonics + k] + (ends ? 0.0f : slot);
        }
    }
}

// grad is that of the signal, slopes what ddsp_bank gave; of_f0 [clips, frames].
EXPORT void ddsp_bank_f0_grad(const float *grad, const float *slopes, int64_t clips,
                              int64_t frames, int64_t hop, int64_t sample_rate, float *of_f0,
                              int64_t threads) {
    // How far the phase of sample j moves with the frequencies at the two ends of its hop.
    std::vector<float> earlier(hop), later(hop);
    for (int64_t j = 0; j < hop; j++) {
        later[j] = float(double(j) * double(j - 1) / double(2 * hop));
        earlier[j] = float(double(j) - double(j) * double(j - 1) / double(2 * hop));
    }
    const double scale = 6.283185307179586 / double(sample_rate);
    parallel_for(threads, clips, [&](int64_t clip) {
        float *of = of_f0 + clip * frames;
        double after = 0.0, of_next = 0.0;
        for (int64_t n = frames - 2; n >= 0; n--) {
            int64_t at = (clip * (frames - 1) + n) * hop;
            Floats whole = {}, to_earlier = {}, to_later = {};
            double rest[3] = {};
            int64_t j = 0;
            for (; j + LANES <= hop; j += LANES) {
                Floats g = load(grad + at + j) * load(slopes + at + j);
                whole += g;
                to_earlier = fma(g, load(earlier.data() + j), to_earlier);
                to_later = fma(g, load(later.data() + j), to_later);
            }
            for (; j < hop; j++) {
                double g = double(grad[at + j]) * double(slopes[at + j]);
                rest[0] += g, rest[1] += g * earlier[j], rest[2] += g * later[j];
            }
            of_next += sum(to_later) + rest[2] + after * ((hop - 1) * 0.5);
            of[n + 1] = float(scale * of_next);
            of_next = sum(to_earlier) + rest[1] + after * ((hop + 1) * 0.5);
            after += sum(whole) + rest[0];
        }
        of[0] = float(scale * of_next);
    });
}
