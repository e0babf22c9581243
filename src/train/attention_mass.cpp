#include "attention_mass.h"

#include <algorithm>

#include "pal/integration/attention_capture.h"

namespace pal {

namespace {

constexpr int64_t kMostRows = 16;

// Sample i of a batch, which begins at text token `begin` of it.
PalBatch sample_of(const PalBatch& batch, std::size_t i, int64_t begin) {
  const auto n = batch.text_tokens[i];
  PalBatch one;
  one.tokens = batch.tokens.narrow(0, begin, n);
  one.target = batch.target.narrow(0, begin, n);
  one.text_tokens = {n};
  one.audio_at = {batch.audio_at[i]};
  one.clips = {batch.clips[i]};
  one.ids = {batch.ids[i]};
  return one;
}

// Of the rows that predict targets, some that lie evenly among them.
torch::Tensor rows_to_watch(const PalModel& model, const PalBatch& one) {
  auto before = one.target.nonzero().flatten() - 1;
  before = before.masked_select(before >= 0);
  const auto n = before.numel();
  if (n > kMostRows) before = before.index_select(0, torch::div(torch::arange(kMostRows) * n, kMostRows, "floor"));
  return model.layout(one).text_rows.index_select(0, before);
}

}  // namespace

std::map<std::string, std::map<int64_t, double>> attention_mass(PalModel& model, const PalBatch& batch) {
  std::map<std::string, std::map<int64_t, double>> mass;
  const auto& streams = model.options().streams;
  if (std::ranges::none_of(streams, [](const auto& stream) { return stream.integration == Integration::kLal; })) return mass;
  int64_t begin = 0;
  for (std::size_t i = 0; i < batch.text_tokens.size(); begin += batch.text_tokens[i++]) {
    if (batch.clips[i].empty()) continue;
    const auto one = sample_of(batch, i, begin);
    const auto rows = rows_to_watch(model, one);
    if (rows.numel() == 0) continue;
    for (const auto& read : capture_attention(model, one, rows)) {
      const auto& stream = streams[std::size_t(read.stream)];
      if (stream.integration == Integration::kLal) mass[stream.name][read.layer] = read.weights.sum(2).mean().item<double>();
    }
    break;
  }
  return mass;
}

}  // namespace pal
