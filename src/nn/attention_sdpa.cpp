#include "attention_backends.h"

namespace pal {

namespace {

// [keys of the segment, G, d]; a view where the keys lie together.
torch::Tensor gather(const torch::Tensor& x, const std::vector<Range>& ranges) {
  if (ranges.size() == 1) return x.slice(0, ranges[0].begin, ranges[0].end);
  std::vector<torch::Tensor> parts;
  for (const auto& range : ranges) parts.push_back(x.slice(0, range.begin, range.end));
  return torch::cat(parts);
}

// Torch aligns its own causal mask top-left (pytorch#108108), which is right only where rows and keys are equally many.
torch::Tensor bottom_right_mask(int64_t rows, int64_t keys, torch::Device device) {
  return torch::ones({rows, keys}, torch::TensorOptions(torch::kBool).device(device)).tril_(keys - rows);
}

class SdpaAttention : public AttentionBackend {
 public:
  std::string name() const override { return "sdpa"; }

  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const AttentionPlan& plan, double scale) const override {
    std::vector<torch::Tensor> outputs;
    for (const auto& segment : plan.segments) {
      const auto q = queries.slice(0, segment.rows.begin, segment.rows.end);
      outputs.push_back(attend_segment(q, gather(keys, segment.keys), gather(values, segment.keys), plan.causal, scale));
    }
    return outputs.size() == 1 ? outputs[0] : torch::cat(outputs);
  }

 private:
  static torch::Tensor attend_segment(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, bool causal,
                                      double scale) {
    const int64_t rows = q.size(0), key_count = k.size(0);
    const bool square = causal && rows == key_count;
    std::optional<torch::Tensor> mask;
    if (causal && !square && rows > 1) mask = bottom_right_mask(rows, key_count, q.device());
    const auto heads_first = [](const torch::Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };  // [1, heads, n, d]
    return torch::scaled_dot_product_attention(heads_first(q), heads_first(k), heads_first(v), mask, 0.0, square, scale,
                                               /*enable_gqa=*/q.size(1) != k.size(1))
        .squeeze(0)
        .transpose(0, 1);
  }
};

}  // namespace

std::shared_ptr<const AttentionBackend> make_sdpa_attention() { return std::make_shared<SdpaAttention>(); }

}  // namespace pal
