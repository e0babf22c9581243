#include "pal/nn/split_heads.h"

#include <array>

#include "kernel_call.h"
#include "pal/core/check.h"
#include "pal/kernels/gather_heads.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The heads in a product's columns from `first` on, H or G of them.
struct Columns {
  int64_t rows_first, audio_first, heads, head_dim;
  bool rotated;
};

template <typename T>
kernels::HeadSlots<T> slots(const torch::Tensor& product, const RopeTable& rope, int64_t first, bool rotated) {
  if (!product.defined()) return {};
  return {numbers<T>(product) + first, rotated ? numbers<T>(rope.cos) : nullptr, rotated ? numbers<T>(rope.sin) : nullptr, product.size(0), product.size(1)};
}

// Heads that are taken out of the products: those of rows, and of audio where `audio` is defined, in the order of `index` where it is defined, to `places` of `out` where
// they are defined.
struct Part {
  Columns columns;
  torch::Tensor audio, index, out, places{};
};

// Room for them, slot by slot.
torch::Tensor room_for(const Columns& c, const torch::Tensor& rows, const torch::Tensor& audio, const torch::Tensor& index) {
  const int64_t slots = index.defined() ? index.numel() : rows.size(0) + (audio.defined() ? audio.size(0) : 0);
  return torch::empty({slots, c.heads, c.head_dim}, rows.options());
}

// All in one launch.
void gather(const HeadProducts& from, const std::array<Part, 3>& parts) {
  const auto describe = [&]<typename T>(T) {
    std::array<kernels::GatherHeads<T>, 3> all;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& [c, audio, index, out, places] = parts[i];
      all[i] = {slots<T>(from.rows, from.rope, c.rows_first, c.rotated), slots<T>(audio, from.audio_rope, c.audio_first, c.rotated), numbers<int64_t>(index), numbers<int64_t>(places), numbers<T>(out),
                places.defined() ? places.numel() : out.size(0), c.heads, c.head_dim};
    }
    return all;
  };
  run_kernel(from.rows, [&](auto t, kernels::Stream stream) { kernels::gather_heads(describe(t), stream); }, [&](auto t) { kernels::gather_heads_cpu(describe(t)); });
}

// Writes gradients of heads into their columns of `into`'s gradients.
void scatter(const torch::Tensor& gradient, const HeadProducts& into, const torch::Tensor& audio, const Columns& c, const KeyOrder& order) {
  const auto describe = [&]<typename T>(T) {
    return kernels::ScatterHeads<T>{numbers<T>(gradient), numbers<int64_t>(order.reader_starts), numbers<int64_t>(order.readers), slots<T>(into.rows, into.rope, c.rows_first, c.rotated),
                                    slots<T>(audio, into.audio_rope, c.audio_first, c.rotated), c.heads, c.head_dim};
  };
  run_kernel(gradient, [&](auto t, kernels::Stream stream) { kernels::scatter_heads(describe(t), stream); }, [&](auto t) { kernels::scatter_heads_cpu(describe(t)); });
}

// Where queries, keys and values are in the products.
struct Places {
  Columns queries, keys, values;

  Places(int64_t columns, int64_t query_heads, int64_t d) {
    const int64_t groups = (columns / d - query_heads) / 2;
    queries = {0, 0, query_heads, d, true};
    keys = {query_heads * d, 0, groups, d, true};
    values = {(query_heads + groups) * d, groups * d, groups, d, false};
  }
};

struct Split : torch::autograd::Function<Split> {
  static variable_list forward(AutogradContext* ctx, const torch::Tensor& rows, const std::optional<torch::Tensor>& heard, const RopeTable& rope, const RopeTable& audio_rope, const KeyOrder& order, int64_t query_heads, int64_t head_dim) {
    const auto audio = heard.value_or(torch::Tensor());
    const HeadProducts from{rows, rope, audio, audio_rope};
    const Places at(rows.size(1), query_heads, head_dim);
    ctx->save_for_backward({rope.cos, rope.sin, audio_rope.cos, audio_rope.sin, order.reader_starts, order.readers});
    ctx->saved_data["query_heads"] = query_heads;
    ctx->saved_data["head_dim"] = head_dim;
    ctx->saved_data["columns"] = rows.size(1);
    ctx->saved_data["rows"] = rows.size(0);
    ctx->saved_data["audio"] = audio.defined() ? audio.size(0) : int64_t(-1);
    const auto queries = room_for(at.queries, rows, {}, {}), keys = room_for(at.keys, rows, audio, order.index), values = torch::empty_like(keys);
    gather(from, {Part{at.queries, {}, {}, queries}, Part{at.keys, audio, order.index, keys}, Part{at.values, audio, order.index, values}});
    return {queries, keys, values};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto number = [&](const char* name) { return ctx->saved_data[name].toInt(); };
    const Places at(number("columns"), number("query_heads"), number("head_dim"));
    const auto options = gradients[0].options();
    HeadProducts into{torch::empty({number("rows"), number("columns")}, options), {saved[0], saved[1]}, {}, {saved[2], saved[3]}};
    if (number("audio") >= 0) into.audio = torch::empty({number("audio"), 2 * at.keys.heads * at.keys.head_dim}, options);
    const KeyOrder order{{}, saved[4], saved[5]};
    scatter(gradients[0].contiguous(), into, {}, at.queries, {});
    scatter(gradients[1].contiguous(), into, into.audio, at.keys, order);
    scatter(gradients[2].contiguous(), into, into.audio, at.values, order);
    return {into.rows, into.audio, {}, {}, {}, {}, {}};
  }
};

bool has_kernels_for(const torch::Tensor& product, const RopeTable& rope) { return has_kernels(product) && rope.cos.scalar_type() == product.scalar_type(); }

}  // namespace

SplitHeads split_heads(const HeadProducts& products, const std::optional<KeyOrder>& order, int64_t query_heads, int64_t head_dim) {
  if (!has_kernels_for(products.rows, products.rope)) return naive_split_heads(products, order, query_heads, head_dim);
  const auto audio = products.audio.defined() ? std::optional(products.audio.contiguous()) : std::nullopt;
  const auto split = Split::apply(products.rows.contiguous(), audio, products.rope, products.audio_rope, order.value_or(KeyOrder()), query_heads, head_dim);
  return {split[0], split[1], split[2]};
}

torch::Tensor split_heads_into(const HeadCache& cache, const torch::Tensor& rows, const RopeTable& rope, int64_t query_heads, int64_t head_dim) {
  PAL_ASSERT(cache.keys.is_contiguous() && cache.values.is_contiguous() && cache.places.numel() == rows.size(0), "{} rows for {} places", rows.size(0), cache.places.numel());
  if (!has_kernels_for(rows, rope)) return naive_split_heads_into(cache, rows, rope, query_heads, head_dim);
  const HeadProducts from{rows.contiguous(), rope, {}, {}};
  const Places at(rows.size(1), query_heads, head_dim);
  const auto queries = room_for(at.queries, rows, {}, {});
  gather(from, {Part{at.queries, {}, {}, queries}, Part{at.keys, {}, {}, cache.keys, cache.places}, Part{at.values, {}, {}, cache.values, cache.places}});
  return queries;
}

torch::Tensor naive_split_heads_into(const HeadCache& cache, const torch::Tensor& rows, const RopeTable& rope, int64_t query_heads, int64_t head_dim) {
  const auto heads = rows.unflatten(1, {-1, head_dim});
  const int64_t groups = cache.keys.size(1);
  cache.keys.index_copy_(0, cache.places, apply_rope(heads.narrow(1, query_heads, groups), rope));
  cache.values.index_copy_(0, cache.places, heads.narrow(1, query_heads + groups, groups));
  return apply_rope(heads.narrow(1, 0, query_heads), rope);
}

SplitHeads naive_split_heads(const HeadProducts& products, const std::optional<KeyOrder>& order, int64_t query_heads, int64_t head_dim) {
  const auto heads = products.rows.unflatten(1, {-1, head_dim});
  const int64_t groups = (heads.size(1) - query_heads) / 2;
  auto keys = apply_rope(heads.narrow(1, query_heads, groups), products.rope), values = heads.narrow(1, query_heads + groups, groups);
  if (products.audio.defined()) {
    const auto audio = products.audio.unflatten(1, {-1, head_dim});
    keys = torch::cat({keys, apply_rope(audio.narrow(1, 0, groups), products.audio_rope)});
    values = torch::cat({values, audio.narrow(1, groups, groups)});
  }
  if (order) keys = keys.index_select(0, order->index), values = values.index_select(0, order->index);
  return {apply_rope(heads.narrow(1, 0, query_heads), products.rope), keys, values};
}

}  // namespace pal
