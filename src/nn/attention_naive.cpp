#include <algorithm>
#include <cmath>

#include "attention_backends.h"
#include "pal/nn/attention_weights.h"

namespace pal {

namespace {

// [R, K]: true where the row sees the key: by slot ids where the plan holds them, otherwise by what its segments mean.
torch::Tensor visible(const AttentionPlan& plan) {
  if (plan.row_ids.defined())
    return (plan.row_samples.unsqueeze(1) == plan.key_samples) & (plan.key_ids <= plan.row_ids.unsqueeze(1));
  auto mask = torch::zeros({plan.rows, plan.keys}, torch::kBool);
  for (const auto& segment : plan.segments) {
    int64_t seen = 0;
    const int64_t hidden_from_first = plan.causal ? segment.rows.size() - 1 : 0;
    for (const auto& range : segment.keys)
      for (int64_t key = range.begin; key < range.end; ++key, ++seen) {
        // Bottom-right causal: of k keys, row i of n does not see the last n - 1 - i.
        const int64_t first_row = std::max<int64_t>(0, seen - (segment.key_count() - 1 - hidden_from_first));
        mask.slice(0, segment.rows.begin + first_row, segment.rows.end).select(1, key).fill_(true);
      }
  }
  return mask;
}

class NaiveAttention : public AttentionBackend {
 public:
  std::string name() const override { return "naive"; }

  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const AttentionPlan& plan, double scale) const override {
    const auto v = values.to(torch::kFloat64).repeat_interleave(queries.size(1) / keys.size(1), 1);
    const auto weights = attention_weights(queries, keys, plan, scale, torch::arange(plan.rows));
    return torch::einsum("hqk,khd->qhd", {weights, v}).to(queries.scalar_type());
  }
};

}  // namespace

torch::Tensor attention_weights(const torch::Tensor& queries, const torch::Tensor& keys, const AttentionPlan& plan, double scale,
                                const torch::Tensor& rows) {
  const auto q = queries.index_select(0, rows.to(queries.device())).to(torch::kFloat64);
  const auto k = keys.to(torch::kFloat64).repeat_interleave(queries.size(1) / keys.size(1), 1);
  const auto hidden = visible(plan).index_select(0, rows).logical_not().to(q.device());
  const auto score = torch::einsum("qhd,khd->hqk", {q, k}) * scale;
  return score.masked_fill(hidden.unsqueeze(0), -INFINITY).softmax(-1);
}

std::shared_ptr<const AttentionBackend> make_naive_attention() { return std::make_shared<NaiveAttention>(); }

}  // namespace pal
