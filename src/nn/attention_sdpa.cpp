#include <cmath>
#include <map>

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

// Torch aligns its own causal mask top-left (pytorch#108108), which is right only where rows and keys are equally many. Segments alike share one, in the
// numbers that are added to the scores: of flags, the CPU would make and keep such numbers for each segment.
class Masks {
 public:
  torch::Tensor bottom_right(int64_t rows, int64_t keys, torch::TensorOptions options) {
    auto& mask = of_size_[{rows, keys}];
    if (!mask.defined()) mask = torch::full({rows, keys}, -INFINITY, options).triu_(keys - rows + 1);
    return mask;
  }

 private:
  std::map<std::pair<int64_t, int64_t>, torch::Tensor> of_size_;
};

class SdpaAttention : public AttentionBackend {
 public:
  std::string name() const override { return "sdpa"; }

  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                       const AttentionPlan& plan, double scale) const override {
    Masks masks;
    std::vector<torch::Tensor> outputs;
    for (const auto& segment : plan.segments) {
      if (segment.rows.size() == 0) continue;  // fills up a bucket
      const auto q = queries.slice(0, segment.rows.begin, segment.rows.end);
      outputs.push_back(attend_segment(q, gather(keys, segment.keys), gather(values, segment.keys), plan.causal, scale, masks));
    }
    return outputs.size() == 1 ? outputs[0] : torch::cat(outputs);
  }

  bool reads_in_order() const override { return true; }

  torch::Tensor attend_in_order(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                                const AttentionPlan& plan, double scale) const override {
    std::vector<int64_t> row_counts, key_counts;
    for (const auto& segment : plan.segments) {
      row_counts.push_back(segment.rows.size());
      key_counts.push_back(segment.key_count());
    }
    // Split, not sliced: the backward of each slice would be zeros in the size of all segments.
    const auto q = queries.split_with_sizes(row_counts), k = keys.split_with_sizes(key_counts), v = values.split_with_sizes(key_counts);
    Masks masks;
    std::vector<torch::Tensor> outputs;
    for (std::size_t i = 0; i < q.size(); ++i)
      if (row_counts[i] > 0) outputs.push_back(attend_segment(q[i], k[i], v[i], plan.causal, scale, masks));
    return outputs.size() == 1 ? outputs[0] : torch::cat(outputs);
  }

 private:
  // q [n, H, d], k and v [k, G, d] -> [n, H, d]
  static torch::Tensor attend_segment(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, bool causal,
                                      double scale, Masks& masks) {
    const int64_t rows = q.size(0), key_count = k.size(0), groups = k.size(1), share = q.size(1) / groups;
    const auto by_group = q.unflatten(1, {groups, share});  // query head h shares key/value head h / share
    if (rows == 1)  // the heads of a group are rows that all see the same keys
      return torch::scaled_dot_product_attention(by_group, k.transpose(0, 1).unsqueeze(0), v.transpose(0, 1).unsqueeze(0), {}, 0.0, false, scale).reshape(q.sizes());
    const bool square = causal && rows == key_count;
    std::optional<torch::Tensor> mask;
    if (causal && !square) mask = masks.bottom_right(rows, key_count, q.options());
    // [share, groups, n, d]; keys and values are expanded, not repeated: torch's own enable_gqa would keep copies for the backward.
    const auto expanded = [&](const torch::Tensor& x) { return x.transpose(0, 1).unsqueeze(0).expand({share, -1, -1, -1}); };
    return torch::scaled_dot_product_attention(by_group.permute({2, 1, 0, 3}), expanded(k), expanded(v), mask, 0.0, square, scale)
        .permute({2, 1, 0, 3})
        .reshape(q.sizes());
  }
};

}  // namespace

std::shared_ptr<const AttentionBackend> make_sdpa_attention() { return std::make_shared<SdpaAttention>(); }

}  // namespace pal
