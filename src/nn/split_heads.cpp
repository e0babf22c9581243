#include "pal/nn/split_heads.h"

#include "kernel_call.h"
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

// Heads of rows, and of audio where `audio` is defined, in the order of `index` where it is defined.
torch::Tensor gather(const HeadProducts& from, const torch::Tensor& audio, const Columns& c, const torch::Tensor& index) {
  const int64_t out_slots = index.defined() ? index.numel() : from.rows.size(0) + (audio.defined() ? audio.size(0) : 0);
  const auto out = torch::empty({out_slots, c.heads, c.head_dim}, from.rows.options());
  const auto describe = [&]<typename T>(T) {
    return kernels::GatherHeads<T>{slots<T>(from.rows, from.rope, c.rows_first, c.rotated), slots<T>(audio, from.audio_rope, c.audio_first, c.rotated), numbers<int64_t>(index), numbers<T>(out), out_slots, c.heads, c.head_dim};
  };
  run_kernel(out, [&](auto t, kernels::Stream stream) { kernels::gather_heads(describe(t), stream); }, [&](auto t) { kernels::gather_heads_cpu(describe(t)); });
  return out;
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
    return {gather(from, {}, at.queries, {}), gather(from, audio, at.keys, order.index), gather(from, audio, at.values, order.index)};
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

}  // namespace

SplitHeads split_heads(const HeadProducts& products, const AttentionPlan& plan, int64_t query_heads, int64_t head_dim) {
  if (!has_kernels(products.rows) || products.rope.cos.scalar_type() != products.rows.scalar_type()) return naive_split_heads(products, plan, query_heads, head_dim);
  const auto audio = products.audio.defined() ? std::optional(products.audio.contiguous()) : std::nullopt;
  const auto split = Split::apply(products.rows.contiguous(), audio, products.rope, products.audio_rope, plan.key_order().value_or(KeyOrder()), query_heads, head_dim);
  return {split[0], split[1], split[2]};
}

SplitHeads naive_split_heads(const HeadProducts& products, const AttentionPlan& plan, int64_t query_heads, int64_t head_dim) {
  const auto heads = products.rows.unflatten(1, {-1, head_dim});
  const int64_t groups = (heads.size(1) - query_heads) / 2;
  auto keys = apply_rope(heads.narrow(1, query_heads, groups), products.rope), values = heads.narrow(1, query_heads + groups, groups);
  if (products.audio.defined()) {
    const auto audio = products.audio.unflatten(1, {-1, head_dim});
    keys = torch::cat({keys, apply_rope(audio.narrow(1, 0, groups), products.audio_rope)});
    values = torch::cat({values, audio.narrow(1, groups, groups)});
  }
  if (const auto& order = plan.key_order()) keys = keys.index_select(0, order->index), values = values.index_select(0, order->index);
  return {apply_rope(heads.narrow(1, 0, query_heads), products.rope), keys, values};
}

}  // namespace pal
