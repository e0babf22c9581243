#include "pal/nn/attention.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "attention_backends.h"
#include "pal/core/check.h"
#include "pal/nn/to_device.h"

namespace pal {

int64_t AttentionSegment::key_count() const {
  int64_t count = 0;
  for (const auto& range : keys) count += range.size();
  return count;
}

AttentionPlan::AttentionPlan(std::vector<AttentionSegment> segments_, bool causal, int64_t rows, int64_t keys,
                             torch::Device device)
    : segments(std::move(segments_)), causal(causal), rows(rows), keys(keys), device_(device) {
  std::vector<int32_t> row_start{0}, key_start{0};
  for (const auto& segment : segments) {
    PAL_ASSERT(segment.rows.begin == row_start.back(), "segments must cover the rows in order");
    const int64_t count = segment.key_count();
    row_start.push_back(int32_t(segment.rows.end));
    key_start.push_back(int32_t(key_start.back() + count));
    max_rows = std::max(max_rows, segment.rows.size());
    max_keys = std::max(max_keys, count);
  }
  PAL_ASSERT(row_start.back() == rows, "segments must cover all {} rows, but end at {}", rows, row_start.back());
  row_starts = to_device(torch::tensor(row_start, torch::kInt32), device);
  key_starts = to_device(torch::tensor(key_start, torch::kInt32), device);
}

AttentionPlan AttentionPlan::of_cache(const std::vector<int64_t>& lengths, int64_t capacity, torch::Device device) {
  const auto samples = int64_t(lengths.size());
  std::vector<AttentionSegment> segments;
  std::vector<int32_t> counts;
  for (int64_t s = 0; s < samples; ++s) {
    const int64_t begin = s * capacity, length = lengths[std::size_t(s)];
    PAL_ASSERT(length <= capacity, "{} keys in a cache of {}", length, capacity);
    segments.push_back({{s, s + 1}, {{begin, begin + length}}});
    counts.push_back(int32_t(length));
  }
  AttentionPlan plan(std::move(segments), /*causal=*/false, samples, samples * capacity, device);
  plan.key_starts = to_device(torch::arange(samples + 1, torch::kInt32) * capacity, device).to(torch::kInt32);
  plan.key_lengths = to_device(torch::tensor(counts, torch::kInt32), device);
  plan.max_keys = capacity;
  return plan;
}

void AttentionPlan::grow() {
  PAL_ASSERT(key_lengths.defined(), "only a cache's plan grows");
  for (auto& segment : segments) {
    PAL_ASSERT(segment.keys[0].size() < max_keys, "the cache of {} slots is full", max_keys);
    ++segment.keys[0].end;
  }
  key_lengths.add_(1);
}

const std::optional<KeyOrder>& AttentionPlan::key_order() const {
  PAL_ASSERT(!key_lengths.defined(), "a cache is read where it lies");
  if (std::exchange(is_ordered_, true)) return order_;
  std::vector<int64_t> index;
  for (const auto& segment : segments)
    for (const auto& range : segment.keys)
      for (int64_t i = range.begin; i < range.end; ++i) index.push_back(i);
  bool identity = int64_t(index.size()) == keys;
  for (std::size_t i = 0; identity && i < index.size(); ++i) identity = index[i] == int64_t(i);
  if (identity) return order_;

  std::vector<int64_t> starts(std::size_t(keys) + 1), readers(index.size());
  for (int64_t slot : index) ++starts[std::size_t(slot) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  auto next = starts;
  for (std::size_t i = 0; i < index.size(); ++i) readers[std::size_t(next[std::size_t(index[i])]++)] = int64_t(i);
  const auto on_device = [&](const std::vector<int64_t>& values) { return to_device(torch::tensor(values, torch::kInt64), device_); };
  return order_ = KeyOrder{on_device(index), on_device(starts), on_device(readers)};
}

torch::Tensor AttentionBackend::attend_in_order(const torch::Tensor&, const torch::Tensor&, const torch::Tensor&, const AttentionPlan&, double) const {
  PAL_ASSERT(false, "attention backend '{}' does not read keys in order", name());
}

std::shared_ptr<const AttentionBackend> make_attention_backend(const std::string& name, torch::ScalarType dtype,
                                                               torch::Device device, int64_t head_dim) {
  const bool half = dtype == torch::kBFloat16 || dtype == torch::kFloat16;
  const bool fits_flash = head_dim <= 256 && head_dim % 8 == 0;
  if (name == "auto") return make_attention_backend(device.is_cuda() && half && fits_flash ? "flash" : "sdpa", dtype, device, head_dim);
  if (name == "naive") return make_naive_attention();
  if (name == "sdpa") return make_sdpa_attention();
  if (name == "flash") {
    PAL_CHECK(device.is_cuda(), "attention backend 'flash' needs a CUDA device, but the model is on {}; use auto or sdpa",
              device.str());
    PAL_CHECK(half, "attention backend 'flash' computes in bfloat16 or float16, not in {}; use auto, sdpa or naive",
              c10::toString(dtype));
    PAL_CHECK(fits_flash, "attention backend 'flash' takes heads of at most 256, in multiples of 8, not of {}; use auto, sdpa or naive",
              head_dim);
    return make_flash_attention();
  }
  user_error("attention backend '{}' is not known; use auto, naive, sdpa or flash", name);
}

}  // namespace pal
