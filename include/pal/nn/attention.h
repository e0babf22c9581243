// Attention over packed samples: R rows form queries, K slots are keys and values, of all samples back to back.
//
//   R rows of all samples, K keys of all samples (rows first, then whatever else is read), H query heads,
//   G key/value heads (G divides H), d the width of a head.
//
// A row sees a key iff both belong to the same sample and the key's slot id is not larger than the row's. The naive
// backend applies this rule as it stands; the others use segments, which say the same without a mask.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pal {

// Indices from `begin` to before `end`.
struct Range {
  int64_t begin = 0, end = 0;                   // end >= begin
  int64_t size() const { return end - begin; }  // how many
};

// A run of rows and its keys: row i of n sees all of the k keys but the last n - 1 - i (causal, aligned bottom-right).
// Not causal: every row sees every key.
struct AttentionSegment {
  Range rows;                 // of the run, without gaps; none: the segment says nothing
  std::vector<Range> keys;    // in the order of their slots; the run's own rows come last
  int64_t key_count() const;  // k
};

// The keys of all segments, one segment after the other. A slot may be read by several segments, or by none.
struct KeyOrder {
  torch::Tensor index;          // [sum of keys] int64 into K
  torch::Tensor reader_starts;  // [K + 1] int64: slot s is at readers[reader_starts[s]] to before readers[reader_starts[s + 1]] ...
  torch::Tensor readers;        // [sum of keys] int64: ... of the order
};

// Which row sees which key; built once per batch and set of streams read, used by every layer that reads that set.
struct AttentionPlan {
  // `segments` must cover the rows in order, without gaps; else throws std::logic_error.
  AttentionPlan(std::vector<AttentionSegment> segments, bool causal, int64_t rows, int64_t keys, torch::Device device);
  // Of decoding with a cache: row s sees the first lengths[s] of the `capacity` slots that its sample has, which lie one sample after the other.
  static AttentionPlan of_cache(const std::vector<int64_t>& lengths, int64_t capacity, torch::Device device);
  // Every row of such a plan sees one slot more. Nothing is copied to the device, and no tensor is another one afterwards.
  void grow();

  std::vector<AttentionSegment> segments;  // in the order of their rows
  bool causal;                             // of all segments, see there
  int64_t rows, keys;                      // R, K
  // The rule itself, for the naive backend: slot ids and samples on the CPU, [R] and [K] int64. Plans of cached
  // decoding have none: there the segments are all there is.
  torch::Tensor row_ids, row_samples, key_ids, key_samples;
  // The segments in the form of a varlen kernel, on the device.
  torch::Tensor row_starts, key_starts;  // [segments + 1] int32
  int64_t max_rows = 0, max_keys = 0;    // of the largest segment
  torch::Tensor key_lengths;             // [segments] int32: how many keys count from each start on; not defined unless of_cache()
  // The keys' order on the device, made when it is first asked for, by one thread at a time; none where it would be 0, 1, 2, ...
  const std::optional<KeyOrder>& key_order() const;

 private:
  torch::Device device_;
  mutable bool is_ordered_ = false;
  mutable std::optional<KeyOrder> order_;
};

// A way to compute attention; one object serves all layers.
class AttentionBackend {
 public:
  virtual ~AttentionBackend() = default;
  virtual std::string name() const = 0;  // as make_attention_backend() takes it
  // Attention by the plan. queries [R, H, d], keys and values [K, G, d] -> [R, H, d]
  virtual torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                               const AttentionPlan& plan, double scale) const = 0;
  // Whether it reads keys in the order of the segments; then split_heads() can write them so at once.
  virtual bool reads_in_order() const { return false; }
  // The same for keys and values in the plan's key_order(), [sum of keys, G, d]. Only where reads_in_order(), else throws std::logic_error.
  virtual torch::Tensor attend_in_order(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values, const AttentionPlan& plan, double scale) const;
};

// A backend. name: auto | naive | sdpa | flash. auto is flash on CUDA in bfloat16 or float16, otherwise sdpa. Throws UserError
// for an unknown name and for a backend that cannot do this type, or heads of this width, on this device.
std::shared_ptr<const AttentionBackend> make_attention_backend(const std::string& name, torch::ScalarType dtype,
                                                               torch::Device device, int64_t head_dim = 64);

}  // namespace pal
