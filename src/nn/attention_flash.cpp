#include "attention_backends.h"
#include "pal/core/check.h"

namespace pal {

namespace {

class FlashAttention : public AttentionBackend {
 public:
  std::string name() const override { return "flash"; }

  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const AttentionPlan& plan, double scale) const override {
    if (plan.key_lengths.defined() || !plan.key_order()) return attend_in_order(queries, keys, values, plan, scale);
    const auto gather = [&](const torch::Tensor& x) { return x.index_select(0, plan.key_order()->index); };
    return attend_in_order(queries, gather(keys), gather(values), plan, scale);
  }

  bool reads_in_order() const override { return true; }

  torch::Tensor attend_in_order(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                                const AttentionPlan& plan, double scale) const override {
    // The kernel aligns its causal mask bottom-right, which is what a segment means.
    return std::get<0>(at::_flash_attention_forward(queries, keys, values, plan.row_starts, plan.key_starts, plan.max_rows, plan.max_keys, /*dropout_p=*/0.0,
                                                    plan.causal, /*return_debug_mask=*/false, scale, /*window_size_left=*/std::nullopt, /*window_size_right=*/std::nullopt,
                                                    plan.key_lengths.defined() ? std::optional(plan.key_lengths) : std::nullopt));
  }
};

}  // namespace

std::shared_ptr<const AttentionBackend> make_flash_attention() { return std::make_shared<FlashAttention>(); }

}  // namespace pal
