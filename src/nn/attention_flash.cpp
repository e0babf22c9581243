#include "attention_backends.h"
#include "pal/core/check.h"

namespace pal {

namespace {

class FlashAttention : public AttentionBackend {
 public:
  std::string name() const override { return "flash"; }

  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const AttentionPlan& plan, double scale) const override {
    const auto gather = [&](const torch::Tensor& x) {
      return plan.key_index.defined() ? x.index_select(0, plan.key_index) : x;
    };
    // The kernel aligns its causal mask bottom-right, which is what a segment means.
    return std::get<0>(at::_flash_attention_forward(queries, gather(keys), gather(values), plan.row_starts,
                                                    plan.key_starts, plan.max_rows, plan.max_keys, /*dropout_p=*/0.0,
                                                    plan.causal, /*return_debug_mask=*/false, scale));
  }
};

}  // namespace

std::shared_ptr<const AttentionBackend> make_flash_attention() { return std::make_shared<FlashAttention>(); }

}  // namespace pal
