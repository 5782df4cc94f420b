// A layer of a transformer with local attention, and its gradient, over whole clips.
//
// A few rows at a time go through all that a layer does, so that what lies between stays in a
// cache. Matrices are as torch keeps them, [outputs][inputs]; widths are multiples of ROUND.

#include <algorithm>
#include <cmath>
#include <vector>

#include "abi.h"
#include "exponentials.h"
#include "norm.h"
#include "threads.h"

namespace ddsp {
namespace {

const int64_t ROWS = 32;     // of a clip, at a time
const int64_t QUERIES = 16;  // of a head: with the keys that only some of them see, not many more
const float LOG2_E = 1.44269504f;

struct Sizes {
    int64_t clips, frames, width, wide, heads, before, after;

    int64_t channels() const { return width / heads; }
    int64_t said() const { return 3 * width; }
    int64_t rows() const { return clips * frames; }
    int64_t blocks_of_clip() const { return (frames + ROWS - 1) / ROWS; }
    int64_t blocks() const { return clips * blocks_of_clip(); }
};

// Rows first..first+count-1, of which `frame` is the first's in its clip.
struct Block {
    int64_t first, count, frame;

    Block(const Sizes &sizes, int64_t number) {
        frame = number % sizes.blocks_of_clip() * ROWS;
        first = number / sizes.blocks_of_clip() * sizes.frames + frame;
        count = std::min(ROWS, sizes.frames - frame);
    }
};

// Arrays of a layer's weights, or of their gradients, in the order of the caller's.
template <class Float>
struct Layer {
    Float *norm, *norm_bias, *query_key_value, *out, *norm_after, *norm_after_bias;
    Float *widen, *widen_bias, *narrow, *narrow_bias;

    explicit Layer(Float *const *each)
        : norm(each[0]), norm_bias(each[1]), query_key_value(each[2]), out(each[3]),
          norm_after(each[4]), norm_after_bias(each[5]), widen(each[6]), widen_bias(each[7]),
          narrow(each[8]), narrow_bias(each[9]) {}

    // The same arrays so many numbers further on.
    Layer moved(int64_t by) const {
        Layer other = *this;
        for (Float **each : {&other.norm, &other.norm_bias, &other.query_key_value, &other.out,
                             &other.norm_after, &other.norm_after_bias, &other.widen,
                             &other.widen_bias, &other.narrow, &other.narrow_bias})
            *each += by;
        return other;
    }
};

// What forward keeps for backward, by rows: queries (turned, and scaled as scores are), keys
// (turned) and values; what heads heard; the sum after attention; the wide layer before its GELU;
// of each head the logarithm, to the base of 2, of what its shares were divided by.
struct Kept {
    float *said, *heard, *attended, *wide, *totals;

    Kept(float *at, const Sizes &sizes) {
        said = at;
        heard = said + sizes.rows() * sizes.said();
        attended = heard + sizes.rows() * sizes.width;
        wide = attended + sizes.rows() * sizes.width;
        totals = wide + sizes.rows() * sizes.wide;
    }
};

// A thread's working memory: what `take` gives is not cleared.
class Room {
  public:
    explicit Room(int64_t floats) {
        if (int64_t(memory().size()) < floats) memory().resize(floats);
        next_ = memory().data();
    }
    float *take(int64_t floats) {
        float *taken = next_;
        next_ += floats;
        return taken;
    }

  private:
    static std::vector<float> &memory() {
        thread_local std::vector<float> floats;
        return floats;
    }
    float *next_;
};

// [outputs][inputs] to [inputs][outputs].
std::vector<float> turned_over(const float *matrix, int64_t outputs, int64_t inputs) {
    std::vector<float> result(outputs * inputs);
    for (int64_t o = 0; o < outputs; o += LANES)
        for (int64_t i = 0; i < inputs; i++)
            for (int64_t lane = 0; lane < LANES; lane++)
                result[i * outputs + o + lane] = matrix[(o + lane) * inputs + i];
    return result;
}

// Rows of a layer norm, and, unless null, what came before its weights, and scales.
void norm_rows(const float *x, int64_t rows, int64_t width, const float *weight, const float *bias,
               float *to, float *normals = nullptr, float *scales = nullptr) {
    for (int64_t r = 0; r < rows; r++, x += width, to += width) {
        float *normal = normals ? normals + r * width : to;
        const float scale = normalise(x, width, normal);
        if (scales) scales[r] = scale;
        weigh(normal, weight, bias, width, to);
    }
}

// The gradient of a layer norm, from that of its result: adds to that of its input, and of its
// weights.
void norm_rows_back(const float *of_result, const float *normals, const float *scales,
                    int64_t rows, int64_t width, const float *weight, float *of_x,
                    float *of_weight, float *of_bias) {
    for (int64_t r = 0; r < rows; r++) {
        const float *slope = of_result + r * width, *normal = normals + r * width;
        Floats along{}, total{};
        for (int64_t i = 0; i < width; i += LANES) {
            Floats g = load(slope + i), n = load(normal + i), weighted = g * load(weight + i);
            along = fma(weighted, n, along);
            total += weighted;
            store(of_weight + i, fma(g, n, load(of_weight + i)));
            store(of_bias + i, load(of_bias + i) + g);
        }
        const float mean = sum(total) / float(width), share = sum(along) / float(width);
        for (int64_t i = 0; i < width; i += LANES) {
            Floats rest = load(slope + i) * load(weight + i) - mean - load(normal + i) * share;
            store(of_x + r * width + i, fma(rest, all(scales[r]), load(of_x + r * width + i)));
        }
    }
}

void add_rows(const float *from, int64_t rows, int64_t width, float *to) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width; i += LANES)
            store(to + i, load(to + i) + load(from + r * width + i));
}

void repeat_row(const float *row, int64_t rows, int64_t width, float *to) {
    for (int64_t r = 0; r < rows; r++) std::copy_n(row, width, to + r * width);
}

// Turns the pairs of queries and keys [rows][2][width] by the position of their frames, or back.
// turns [frames][channels]: cosines, then sines; null where positions are not told.
void turn(const float *turns, const Sizes &sizes, const Block &block, bool back, float *said) {
    if (!turns) return;
    const int64_t channels = sizes.channels(), half = channels / 2;
    for (int64_t r = 0; r < block.count; r++) {
        const float *cosines = turns + (block.frame + r) * channels, *sines = cosines + half;
        for (int64_t first = 0; first < 2 * sizes.width; first += channels) {
            float *one = said + r * sizes.said() + first, *other = one + half;
            for (int64_t c = 0; c < half; c++) {
                const float a = one[c], b = other[c], sine = back ? -sines[c] : sines[c];
                one[c] = a * cosines[c] - b * sine;
                other[c] = b * cosines[c] + a * sine;
            }
        }
    }
}

void scale_queries(const Sizes &sizes, int64_t rows, float *said) {
    const float scale = 1.0f / std::sqrt(float(sizes.channels()));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < sizes.width; i++) said[r * sizes.said() + i] *= scale;
}

// Some queries of a head, and the frames that one or the other of them sees.
struct Sight {
    const Sizes &sizes;
    int64_t query, queries, first, count;  // frames of the clip

    Sight(const Sizes &of, int64_t from, int64_t to)
        : sizes(of), query(from), queries(to - from),
          first(std::max<int64_t>(from - of.before, 0)),
          count(std::min(to + of.after, of.frames) - first) {}

    int64_t stride() const { return rounded(count); }
    // The keys that a query sees, counted from `first`.
    int64_t begin(int64_t q) const {
        return std::max<int64_t>(query + q - sizes.before, 0) - first;
    }
    int64_t end(int64_t q) const {
        return std::min(query + q + sizes.after + 1, sizes.frames) - first;
    }

    static int64_t most(const Sizes &sizes) {
        return rounded(std::min(QUERIES + sizes.before + sizes.after, sizes.frames));
    }

    // Rows of keys or values [count][channels], a clip's of which begin at `rows`, as columns.
    void columns(const float *rows, float *to) const {
        for (int64_t c = 0; c < sizes.channels(); c++)
            std::fill(to + c * stride() + count, to + (c + 1) * stride(), 0.0f);
        for (int64_t k = 0; k < count; k++)
            for (int64_t c = 0; c < sizes.channels(); c++)
                to[c * stride() + k] = rows[(first + k) * sizes.said() + c];
    }

    // Adds rows of `from` (of the clip, `row` apart) times columns to [queries][stride].
    void compare(const float *from, int64_t row, const float *columns, float *to) const {
        std::fill_n(to, queries * stride(), 0.0f);
        add_product({from + query * row, row}, {columns, stride()}, queries, sizes.channels(),
                    stride(), to, stride());
    }
};

// Scores to powers of two, less a constant, where a query sees a key, and to 0 elsewhere.
void raise(const Sight &sight, int64_t q, float less, float *scores) {
    const Floats begin = all(float(sight.begin(q))), end = all(float(sight.end(q)));
    for (int64_t k = 0; k < sight.stride(); k += LANES) {
        Floats key = lane_numbers() + float(k);
        Floats power = power_of_two(load(scores + k) * LOG2_E - less);
        store(scores + k, select((key >= begin) & (key < end), power, Floats{}));
    }
}

// Scores to shares; returns the logarithm of what they were divided by.
float share(const Sight &sight, int64_t q, float *scores) {
    float most = scores[sight.begin(q)];
    for (int64_t k = sight.begin(q); k < sight.end(q); k++) most = std::max(most, scores[k]);
    raise(sight, q, most * LOG2_E, scores);
    Floats total{};
    for (int64_t k = 0; k < sight.stride(); k += LANES) total += load(scores + k);
    const float all_of_it = sum(total), scale = 1.0f / all_of_it;
    for (int64_t k = 0; k < sight.stride(); k += LANES) store(scores + k, load(scores + k) * scale);
    return most * LOG2_E + std::log2(all_of_it);
}

// What a head hears at the frames of a block. said, heard and totals begin with the clip and the
// head; scores and columns are working memory.
void attend(const Sizes &sizes, const Block &block, const float *said, float *heard, float *totals,
            float *scores, float *columns) {
    const int64_t channels = sizes.channels();
    for (int64_t from = block.frame; from < block.frame + block.count; from += QUERIES) {
        const Sight sight(sizes, from, std::min(from + QUERIES, block.frame + block.count));
        sight.columns(said + sizes.width, columns);
        sight.compare(said, sizes.said(), columns, scores);
        for (int64_t q = 0; q < sight.queries; q++) {
            totals[(from + q) * sizes.heads] = share(sight, q, scores + q * sight.stride());
            std::fill_n(heard + (from + q) * sizes.width, channels, 0.0f);
        }
        add_product({scores, sight.stride()},
                    {said + 2 * sizes.width + sight.first * sizes.said(), sizes.said()},
                    sight.queries, sight.count, channels, heard + from * sizes.width, sizes.width);
    }
}

// The gradient of what a head said in a clip, from that of what it heard.
void attend_back(const Sizes &sizes, const float *said, const float *heard, const float *totals,
                 const float *of_heard, float *of_said) {
    const int64_t most = Sight::most(sizes), channels = sizes.channels(), width = sizes.width;
    Room room(2 * (QUERIES + channels) * most);
    float *shares = room.take(QUERIES * most), *slopes = room.take(QUERIES * most);
    float *keys = room.take(channels * most), *values = room.take(channels * most);
    for (int64_t n = 0; n < sizes.frames; n++)
        for (int64_t part = 0; part < 3; part++)
            std::fill_n(of_said + n * sizes.said() + part * width, channels, 0.0f);
    for (int64_t from = 0; from < sizes.frames; from += QUERIES) {
        const Sight sight(sizes, from, std::min(from + QUERIES, sizes.frames));
        const int64_t stride = sight.stride(), at = sight.first * sizes.said();
        sight.columns(said + width, keys);
        sight.columns(said + 2 * width, values);
        sight.compare(said, sizes.said(), keys, shares);
        sight.compare(of_heard, width, values, slopes);
        for (int64_t q = 0; q < sight.queries; q++) {
            float *share = shares + q * stride, *slope = slopes + q * stride;
            raise(sight, q, totals[(from + q) * sizes.heads], share);
            const float *pushed = of_heard + (from + q) * width, *h = heard + (from + q) * width;
            Floats along{};
            for (int64_t c = 0; c < channels; c += LANES)
                along = fma(load(pushed + c), load(h + c), along);
            const float mean = sum(along);
            for (int64_t k = 0; k < stride; k += LANES)
                store(slope + k, load(share + k) * (load(slope + k) - mean));
        }
        const Matrix slope{slopes, stride}, share{shares, stride};
        add_product(slope, {said + width + at, sizes.said()}, sight.queries, sight.count, channels,
                    of_said + from * sizes.said(), sizes.said());
        add_product(slope.transposed(), {said + from * sizes.said(), sizes.said()}, sight.count,
                    sight.queries, channels, of_said + width + at, sizes.said());
        add_product(share.transposed(), {of_heard + from * width, width}, sight.count,
                    sight.queries, channels, of_said + 2 * width + at, sizes.said());
    }
}

}  // namespace
}  // namespace ddsp

using namespace ddsp;

// From x to result, both [clips][frames][width]; kept is as `Kept` says.
EXPORT void ddsp_layer(const float *const *weights, const float *turns, const float *x,
                       float *result, float *kept_for_backward, int64_t clips, int64_t frames,
                       int64_t width, int64_t wide, int64_t heads, int64_t before, int64_t after,
                       int64_t threads) {
    const Sizes sizes{clips, frames, width, wide, heads, before, after};
    const Layer<const float> layer(weights);
    const Kept kept(kept_for_backward, sizes);
    const auto query_key_value = turned_over(layer.query_key_value, sizes.said(), width);
    const auto out = turned_over(layer.out, width, width);
    const auto widen = turned_over(layer.widen, wide, width);
    const auto narrow = turned_over(layer.narrow, width, wide);

    parallel_for(threads, sizes.blocks(), [&](int64_t number) {
        const Block block(sizes, number);
        Room room(ROWS * width);
        float *normed = room.take(ROWS * width), *said = kept.said + block.first * sizes.said();
        norm_rows(x + block.first * width, block.count, width, layer.norm, layer.norm_bias, normed);
        std::fill_n(said, block.count * sizes.said(), 0.0f);
        add_product({normed, width}, {query_key_value.data(), sizes.said()}, block.count, width,
                    sizes.said(), said, sizes.said());
        turn(turns, sizes, block, false, said);
        scale_queries(sizes, block.count, said);
    });
    parallel_for(threads, sizes.blocks(), [&](int64_t number) {
        const Block block(sizes, number);
        const int64_t clip = block.first - block.frame;
        const int64_t most = Sight::most(sizes);
        Room room(ROWS * (width + wide) + (QUERIES + sizes.channels()) * most);
        float *normed = room.take(ROWS * width), *bent = room.take(ROWS * wide);
        float *scores = room.take(QUERIES * most), *columns = room.take(sizes.channels() * most);
        float *heard = kept.heard + block.first * width, *to = result + block.first * width;
        float *attended = kept.attended + block.first * width;
        float *wider = kept.wide + block.first * wide;
        for (int64_t head = 0; head < heads; head++) {
            const int64_t first = head * sizes.channels();
            attend(sizes, block, kept.said + clip * sizes.said() + first,
                   kept.heard + clip * width + first, kept.totals + clip * heads + head,
                   scores, columns);
        }
        std::copy_n(x + block.first * width, block.count * width, attended);
        add_product({heard, width}, {out.data(), width}, block.count, width, width, attended,
                    width);
        norm_rows(attended, block.count, width, layer.norm_after, layer.norm_after_bias, normed);
        repeat_row(layer.widen_bias, block.count, wide, wider);
        add_product({normed, width}, {widen.data(), wide}, block.count, width, wide, wider, wide);
        for (int64_t i = 0; i < block.count * wide; i += LANES)
            store(bent + i, gelu(load(wider + i)));
        for (int64_t r = 0; r < block.count; r++)
            for (int64_t i = 0; i < width; i += LANES)
                store(to + r * width + i,
                      load(attended + r * width + i) + load(layer.narrow_bias + i));
        add_product({bent, wide}, {narrow.data(), width}, block.count, wide, width, to, width);
    });
}

// From the gradient of the result to that of x and, in so many parts that are to be added up, of
// the weights: of_weights points to the arrays of the first part, which are zero, and the next are
// `apart` numbers further on. pushed [clips][frames][5 width] is working memory.
EXPORT void ddsp_layer_grad(const float *const *weights, const float *turns, const float *x,
                            const float *of_result, float *kept_by_forward, float *working,
                            float *of_x, float *const *of_weights, int64_t parts, int64_t apart,
                            int64_t clips, int64_t frames, int64_t width, int64_t wide,
                            int64_t heads, int64_t before, int64_t after, int64_t threads) {
    const Sizes sizes{clips, frames, width, wide, heads, before, after};
    const Layer<const float> layer(weights);
    const Kept kept(kept_by_forward, sizes);
    float *of_said = working, *of_heard = of_said + sizes.rows() * sizes.said();
    const auto for_blocks = [&](const auto &work) {
        parallel_for(threads, parts, [&](int64_t part) {
            const Layer<float> of = Layer<float>(of_weights).moved(part * apart);
            for (int64_t n = sizes.blocks() * part / parts;
                 n < sizes.blocks() * (part + 1) / parts; n++)
                work(Block(sizes, n), of);
        });
    };

    for_blocks([&](const Block &block, const Layer<float> &of) {
        const int64_t count = block.count;
        Room room(ROWS * (3 * width + 2 * wide + 1));
        float *normed = room.take(ROWS * width), *normals = room.take(ROWS * width);
        float *of_normed = room.take(ROWS * width), *scales = room.take(ROWS);
        float *bent = room.take(ROWS * wide), *of_wide = room.take(ROWS * wide);
        const float *pushed = of_result + block.first * width;
        const float *attended = kept.attended + block.first * width;
        const float *wider = kept.wide + block.first * wide;
        float *through = of_x + block.first * width;

        norm_rows(attended, count, width, layer.norm_after, layer.norm_after_bias, normed, normals,
                  scales);
        std::fill_n(of_wide, count * wide, 0.0f);
        add_product({pushed, width}, {layer.narrow, wide}, count, width, wide, of_wide, wide);
        for (int64_t i = 0; i < count * wide; i += LANES) {
            store(bent + i, gelu(load(wider + i)));
            store(of_wide + i, load(of_wide + i) * gelu_slope(load(wider + i)));
        }
        add_rows(pushed, count, width, of.narrow_bias);
        add_product(Matrix{pushed, width}.transposed(), {bent, wide}, width, count, wide,
                    of.narrow, wide);
        add_rows(of_wide, count, wide, of.widen_bias);
        add_product(Matrix{of_wide, wide}.transposed(), {normed, width}, wide, count, width,
                    of.widen, width);
        std::fill_n(of_normed, count * width, 0.0f);
        add_product({of_wide, wide}, {layer.widen, width}, count, wide, width, of_normed, width);
        std::copy_n(pushed, count * width, through);
        norm_rows_back(of_normed, normals, scales, count, width, layer.norm_after, through,
                       of.norm_after, of.norm_after_bias);

        float *to = of_heard + block.first * width;
        std::fill_n(to, count * width, 0.0f);
        add_product({through, width}, {layer.out, width}, count, width, width, to, width);
        add_product(Matrix{through, width}.transposed(),
                    {kept.heard + block.first * width, width}, width, count, width, of.out, width);
    });
    parallel_for(threads, clips * heads, [&](int64_t number) {
        const int64_t clip = number / heads * frames, head = number % heads;
        const int64_t first = head * sizes.channels(), at = clip * width + first;
        attend_back(sizes, kept.said + clip * sizes.said() + first, kept.heard + at,
                    kept.totals + clip * heads + head, of_heard + at,
                    of_said + clip * sizes.said() + first);
    });
    for_blocks([&](const Block &block, const Layer<float> &of) {
        const int64_t count = block.count;
        Room room(ROWS * (3 * width + 1));
        float *normed = room.take(ROWS * width), *normals = room.take(ROWS * width);
        float *of_normed = room.take(ROWS * width), *scales = room.take(ROWS);
        float *said = of_said + block.first * sizes.said();

        scale_queries(sizes, count, said);
        turn(turns, sizes, block, true, said);
        norm_rows(x + block.first * width, count, width, layer.norm, layer.norm_bias, normed,
                  normals, scales);
        add_product(Matrix{said, sizes.said()}.transposed(), {normed, width}, sizes.said(), count,
                    width, of.query_key_value, width);
        std::fill_n(of_normed, count * width, 0.0f);
        add_product({said, sizes.said()}, {layer.query_key_value, width}, count, sizes.said(),
                    width, of_normed, width);
        norm_rows_back(of_normed, normals, scales, count, width, layer.norm,
                       of_x + block.first * width, of.norm, of.norm_bias);
    });
}
