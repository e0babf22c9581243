#include "pal/nn/attention.h"

#include <algorithm>

#include "attention_backends.h"
#include "pal/core/check.h"

namespace pal {

int64_t AttentionSegment::key_count() const {
  int64_t count = 0;
  for (const auto& range : keys) count += range.size();
  return count;
}

AttentionPlan::AttentionPlan(std::vector<AttentionSegment> segments_, bool causal, int64_t rows, int64_t keys,
                             torch::Device device)
    : segments(std::move(segments_)), causal(causal), rows(rows), keys(keys) {
  std::vector<int32_t> row_start{0}, key_start{0};
  std::vector<int64_t> index;
  for (const auto& segment : segments) {
    PAL_ASSERT(segment.rows.begin == row_start.back(), "segments must cover the rows in order");
    for (const auto& range : segment.keys)
      for (int64_t i = range.begin; i < range.end; ++i) index.push_back(i);
    row_start.push_back(int32_t(segment.rows.end));
    key_start.push_back(int32_t(index.size()));
    max_rows = std::max(max_rows, segment.rows.size());
    max_keys = std::max(max_keys, segment.key_count());
  }
  PAL_ASSERT(row_start.back() == rows, "segments must cover all {} rows, but end at {}", rows, row_start.back());
  row_starts = torch::tensor(row_start, torch::kInt32).to(device);
  key_starts = torch::tensor(key_start, torch::kInt32).to(device);
  if (!device.is_cuda()) return;  // only the flash backend gathers by index
  bool identity = int64_t(index.size()) == keys;
  for (std::size_t i = 0; identity && i < index.size(); ++i) identity = index[i] == int64_t(i);
  if (!identity) key_index = torch::tensor(index, torch::kInt64).to(device);
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
