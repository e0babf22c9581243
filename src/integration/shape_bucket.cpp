#include "shape_bucket.h"

#include <algorithm>
#include <bit>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr int64_t kSegments = 8;

int64_t rounded_up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }
int64_t power_of_two(int64_t count) { return int64_t(std::bit_ceil(uint64_t(count))); }

int64_t keys_in_all(const AttentionPlan& plan) {
  int64_t keys = 0;
  for (const auto& segment : plan.segments) keys += segment.key_count();
  return keys;
}

// What rounds the batch up. Its audio comes first: then its text is the end of every plan.
SampleShape dummy_sample(const std::vector<SampleShape>& samples, std::size_t streams, int64_t round) {
  int64_t text = 0;
  std::vector<int64_t> audio(streams);
  for (const auto& sample : samples) {
    text += sample.text_tokens;
    for (const auto& block : sample.audio) audio[std::size_t(block.stream)] += block.tokens;
  }
  SampleShape dummy{rounded_up(text + 1, round) - text, {}};
  for (std::size_t i = 0; i < streams; ++i) dummy.audio.push_back({int64_t(i), 0, rounded_up(audio[i], round) - audio[i]});
  return dummy;
}

torch::Tensor padded(const torch::Tensor& numbers, int64_t count, int64_t with) { return torch::constant_pad_nd(numbers, {0, count - numbers.numel()}, with); }

// Rows of ignored targets are any that exist.
TargetInputs padded_targets(const TargetInputs& targets, int64_t round) {
  const int64_t count = rounded_up(targets.rows.numel(), round);
  return {padded(targets.rows, count, 0), padded(targets.wanted, count, -1)};
}

void pad_plans(LayersInputs& inputs, int64_t round, std::size_t streams, torch::Device device) {
  const int64_t dummy_most = (int64_t(streams) + 2) * round;  // up to `round` of text and of each stream, and of keys that are read again
  for (const auto& plan : inputs.plans()) {
    const auto larger = std::make_shared<const AttentionPlan>(padded_plan(*plan, round, dummy_most, device));
    for (auto& layer : inputs.layers)
      if (layer.plan == plan) layer.plan = larger;
  }
}

}  // namespace

AttentionPlan padded_plan(const AttentionPlan& plan, int64_t round, int64_t dummy_most, torch::Device device) {
  auto segments = plan.segments;
  auto& last = segments.back();
  const int64_t keys = keys_in_all(plan);
  // Rows alone are read where they lie: their keys need no order, and are as many as the rows already.
  int64_t missing = plan.keys > plan.rows ? rounded_up(keys, round) - keys : 0;
  while (missing > 0) {
    const int64_t again = std::min(missing, last.rows.size());
    last.keys.insert(last.keys.begin(), {last.rows.begin, last.rows.begin + again});
    missing -= again;
  }
  segments.resize(std::size_t(rounded_up(int64_t(segments.size()), kSegments)), {{plan.rows, plan.rows}, {}});
  AttentionPlan larger(std::move(segments), plan.causal, plan.rows, plan.keys, device);
  larger.row_ids = plan.row_ids, larger.row_samples = plan.row_samples, larger.key_ids = plan.key_ids, larger.key_samples = plan.key_samples;
  larger.max_rows = power_of_two(std::max(plan.max_rows, dummy_most));
  larger.max_keys = power_of_two(std::max(plan.max_keys, dummy_most));
  return larger;
}

torch::Tensor padded_tokens(const torch::Tensor& stream, int64_t tokens) { return torch::constant_pad_nd(stream, {0, 0, 0, tokens - stream.size(0)}, 0); }

PaddedBatch pad_to_bucket(const PalModel& model, const PalBatch& batch, int64_t round) {
  PAL_ASSERT(!model.is_probed(), "what probes a model is done on batches as they are");
  auto samples = model.sample_shapes(batch);
  samples.push_back(dummy_sample(samples, model.places().size(), round));
  const SequenceLayout layout(model.places(), samples, model.device());
  const int64_t text = layout.text_rows.numel();
  auto inputs = make_step_inputs(layout, padded(batch.tokens, text, 0), padded(batch.target, text, 0), model.layers(), model.device());
  pad_plans(inputs.layers, round, model.places().size(), model.device());
  inputs.targets = padded_targets(inputs.targets, round);
  return {std::move(inputs), layout.rows(), layout.sample_rows.back().size()};
}

std::vector<int64_t> PaddedBatch::key() const {
  std::vector<int64_t> key{inputs.rows.tokens.numel(), rows, inputs.targets.rows.numel()};
  key.insert(key.end(), inputs.rows.stream_tokens.begin(), inputs.rows.stream_tokens.end());
  for (const auto& plan : inputs.layers.plans()) key.insert(key.end(), {int64_t(plan->segments.size()), keys_in_all(*plan), plan->max_rows, plan->max_keys});
  return key;
}

}  // namespace pal
