#include <algorithm>
#include <cmath>
#include <memory>

#include "abi.h"
#include "exponentials.h"
#include "norm.h"

// A causal transformer that hears one frame after another. Arrays that are not the caller's are
// rounded, as rows of a matrix are, and what is past their ends is zero.

namespace ddsp {
namespace {

// Arrays that lie one after another.
template <class Float>
struct Arrays {
    Float *at;
    Float *take(int64_t floats) {
        Float *taken = at;
        at += floats;
        return taken;
    }
};

struct Shape {
    int64_t width, wide, heads, slots;
    int64_t channels() const { return width / heads; }
};

struct Layer {
    const float *norm_weight, *norm_bias, *query_key_value, *out;
    const float *norm_after_weight, *norm_after_bias, *widen, *widen_bias, *narrow, *narrow_bias;

    Layer(Arrays<const float> &weights, Shape shape) {
        const int64_t width = rounded(shape.width), wide = rounded(shape.wide);
        norm_weight = weights.take(width), norm_bias = weights.take(width);
        query_key_value = weights.take(shape.width * rounded(3 * shape.width));
        out = weights.take(shape.width * width);
        norm_after_weight = weights.take(width), norm_after_bias = weights.take(width);
        widen = weights.take(shape.width * wide), widen_bias = weights.take(wide);
        narrow = weights.take(shape.wide * width), narrow_bias = weights.take(width);
    }
};

// Where intermediate results are.
struct Desk {
    float *normed, *parts, *scores, *heard, *wide;

    Desk(Arrays<float> &room, Shape shape)
        : normed(room.take(rounded(shape.width))), parts(room.take(rounded(3 * shape.width))),
          scores(room.take(rounded(shape.slots))), heard(room.take(shape.width)),
          wide(room.take(rounded(shape.wide))) {}

    static int64_t size(Shape shape) {
        return rounded(shape.width) + rounded(3 * shape.width) + rounded(shape.slots) +
               shape.width + rounded(shape.wide);
    }
};

// Two to the scores over their sum; `seen` of them count.
void share(float *scores, int64_t seen, int64_t slots) {
    Floats best = all(-INFINITY), total{};
    for (int64_t s = 0; s < slots; s += LANES) {
        Floats score = load(scores + s);
        score = select(lane_numbers() + float(s) < float(seen), score, all(-INFINITY));
        best = select(score < best, best, score);
        store(scores + s, score);
    }
    float top = best[0];
    for (int lane = 1; lane < LANES; lane++) top = best[lane] < top ? top : best[lane];
    for (int64_t s = 0; s < slots; s += LANES) {
        Floats power = power_of_two(load(scores + s) - top);
        total += power;
        store(scores + s, power);
    }
    const float scale = 1.0f / sum(total);
    for (int64_t s = 0; s < slots; s += LANES) store(scores + s, load(scores + s) * scale);
}

// Attention of one head to the frames in memory; the new one is in a slot among them. A query
// that is turned by the distance to a key is compared with the key as it was.
// query [channels]; keys [channels][rounded slots]; values [slots][width]; cosines and sines
// [channels / 2][2 rounded slots], of the distance to each slot.
void attend(const float *query, const float *keys, const float *values, const float *cosines,
            const float *sines, Shape shape, int64_t seen, float *scores, float *heard) {
    const int64_t channels = shape.channels(), half = channels / 2, slots = rounded(shape.slots);
    const float scale = 1.44269504f / std::sqrt(float(channels));  // softmax by powers of two
    for (int64_t s = 0; s < slots; s += LANES) {
        Floats score{};
        for (int64_t c = 0; c < half; c++) {
            Floats cosine = load(cosines + c * 2 * slots + s);
            Floats sine = load(sines + c * 2 * slots + s);
            Floats first = query[c] * cosine - query[half + c] * sine;
            Floats second = query[half + c] * cosine + query[c] * sine;
            score = fma(first, load(keys + c * slots + s), score);
            score = fma(second, load(keys + (half + c) * slots + s), score);
        }
        store(scores + s, score * scale);
    }
    share(scores, seen, slots);
    for (int64_t c = 0; c < channels; c++) heard[c] = 0;
    for (int64_t s = 0; s < seen; s++)
        for (int64_t c = 0; c < channels; c++) heard[c] += scores[s] * values[s * shape.width + c];
}

// What a layer does to frame number `frame`. memory: keys [width][rounded slots] and values
// [slots][width] of the last frames.
void hear(const Layer &layer, const float *turns, float *memory, int64_t frame, Shape shape,
          const Desk &desk, float *x) {
    const int64_t width = shape.width, channels = shape.channels(), slots = rounded(shape.slots);
    const int64_t slot = frame % shape.slots, seen = std::min(frame + 1, shape.slots);
    float *keys = memory, *values = memory + width * slots;
    const float *cosines = turns + shape.slots - 1 - slot, *sines = cosines + channels * slots;

    normalise(x, width, desk.normed);
    weigh(desk.normed, layer.norm_weight, layer.norm_bias, width, desk.normed);
    std::fill_n(desk.parts, rounded(3 * width), 0.0f);
    add_product(desk.normed, width, layer.query_key_value, 3 * width, desk.parts);
    for (int64_t c = 0; c < width; c++) keys[c * slots + slot] = desk.parts[width + c];
    std::copy_n(desk.parts + 2 * width, width, values + slot * width);
    for (int64_t first = 0; first < width; first += channels)
        attend(desk.parts + first, keys + first * slots, values + first, cosines, sines, shape,
               seen, desk.scores, desk.heard + first);
    add_product(desk.heard, width, layer.out, width, x);

    normalise(x, width, desk.normed);
    weigh(desk.normed, layer.norm_after_weight, layer.norm_after_bias, width, desk.normed);
    std::copy_n(layer.widen_bias, rounded(shape.wide), desk.wide);
    add_product(desk.normed, width, layer.widen, shape.wide, desk.wide);
    for (int64_t i = 0; i < rounded(shape.wide); i += LANES)
        store(desk.wide + i, gelu(load(desk.wide + i)));
    for (int64_t i = 0; i < rounded(width); i += LANES)
        store(x + i, load(x + i) + load(layer.narrow_bias + i));
    add_product(desk.wide, shape.wide, layer.narrow, width, x);
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// From x to heard, both [batch][frames][width], which follow `before` others. weights: of each
// layer what `Layer` takes, then weight and bias of a last norm. turns: cosines, then sines,
// [channels / 2][2 rounded slots], of distances that fall from slots - 1 to 0, again and again.
// memory [batch][layers][width * (rounded slots + slots)], zeros at first.
EXPORT void ddsp_hear(const float *weights, const float *turns, float *memory, const float *x,
                      float *heard, int64_t frames, int64_t before, int64_t batch, int64_t layers,
                      int64_t width, int64_t wide, int64_t heads, int64_t slots) {
    const Shape shape{width, wide, heads, slots};
    const int64_t kept = width * (rounded(slots) + slots);
    const std::unique_ptr<float[]> floats(new float[rounded(width) + Desk::size(shape)]());
    Arrays<float> room{floats.get()};
    float *now = room.take(rounded(width));
    const Desk desk(room, shape);
    for (int64_t row = 0; row < batch; row++)
        for (int64_t frame = 0; frame < frames; frame++) {
            Arrays<const float> given{weights};
            std::copy_n(x + (row * frames + frame) * width, width, now);
            for (int64_t i = 0; i < layers; i++)
                hear(Layer(given, shape), turns, memory + (row * layers + i) * kept,
                     before + frame, shape, desk, now);
            const float *weight = given.take(rounded(width));
            normalise(now, width, desk.normed);
            weigh(desk.normed, weight, given.take(rounded(width)), width, desk.normed);
            std::copy_n(desk.normed, width, heard + (row * frames + frame) * width);
        }
}
