#include <cmath>

#include "attention_backends.h"
#include "pal/core/check.h"

namespace pal {

namespace {

// [R, K]: true where the row sees the key, by the rule alone; segments are not looked at where the plan is causal.
torch::Tensor visible(const AttentionPlan& plan) {
  if (plan.causal) {
    PAL_ASSERT(plan.row_ids.defined() && plan.key_ids.defined(), "a causal plan must hold slot ids");
    return (plan.row_samples.unsqueeze(1) == plan.key_samples) & (plan.key_ids <= plan.row_ids.unsqueeze(1));
  }
  auto mask = torch::zeros({plan.rows, plan.keys}, torch::kBool);
  for (const auto& segment : plan.segments)
    for (const auto& range : segment.keys)
      mask.slice(0, segment.rows.begin, segment.rows.end).slice(1, range.begin, range.end).fill_(true);
  return mask;
}

class NaiveAttention : public AttentionBackend {
 public:
  std::string name() const override { return "naive"; }

  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const AttentionPlan& plan, double scale) const override {
    const int64_t groups = queries.size(1) / keys.size(1);
    const auto q = queries.to(torch::kFloat64);
    const auto k = keys.to(torch::kFloat64).repeat_interleave(groups, 1);
    const auto v = values.to(torch::kFloat64).repeat_interleave(groups, 1);
    auto score = torch::einsum("qhd,khd->hqk", {q, k}) * scale;
    score = score.masked_fill(visible(plan).to(score.device()).logical_not().unsqueeze(0), -INFINITY);
    return torch::einsum("hqk,khd->qhd", {score.softmax(-1), v}).to(queries.scalar_type());
  }
};

}  // namespace

std::shared_ptr<const AttentionBackend> make_naive_attention() { return std::make_shared<NaiveAttention>(); }

}  // namespace pal
