#include "pal/integration/step_inputs.h"

#include <algorithm>

#include "pal/core/check.h"
#include "pal/nn/to_device.h"

namespace pal {

std::vector<std::shared_ptr<const AttentionPlan>> LayersInputs::plans() const {
  std::vector<std::shared_ptr<const AttentionPlan>> plans;
  for (const auto& layer : layers)
    if (std::ranges::find(plans, layer.plan) == plans.end()) plans.push_back(layer.plan);
  return plans;
}

std::vector<torch::Tensor> StepInputs::tensors() const {
  std::vector<torch::Tensor> all{rows.tokens, layers.row_ids, targets.rows, targets.wanted};
  if (rows.source.defined()) all.push_back(rows.source);
  for (const auto& plan : layers.plans()) {
    const auto& layer = *std::ranges::find(layers.layers, plan, &LayerInputs::plan);  // the first that reads by it
    if (layer.audio_ids.defined()) all.push_back(layer.audio_ids);
    all.insert(all.end(), {plan->row_starts, plan->key_starts});
    if (const auto& order = plan->key_order()) all.insert(all.end(), {order->index, order->reader_starts, order->readers});
  }
  return all;
}

RowInputs make_row_inputs(const SequenceLayout& layout, const torch::Tensor& tokens, torch::Device device) {
  RowInputs inputs{tokens, {}, {}, {}};
  std::vector<torch::Tensor> places{layout.text_rows};
  for (std::size_t i = 0; i < layout.stream_ids.size(); ++i) {
    inputs.stream_tokens.push_back(layout.stream_ids[i].numel());
    if (!layout.stream_rows[i].defined() || layout.stream_rows[i].numel() == 0) continue;
    inputs.streams.push_back(int64_t(i));
    places.push_back(layout.stream_rows[i]);
  }
  if (inputs.streams.empty()) return inputs;
  const auto source = torch::empty({layout.rows()}, torch::kInt64);
  const auto place = torch::cat(places);
  source.index_put_({place}, torch::arange(place.numel()));
  inputs.source = to_device(source, device);
  return inputs;
}

LayersInputs make_layers_inputs(const SequenceLayout& layout, int64_t layers, torch::Device device) {
  LayersInputs inputs{to_device(layout.row_ids, device), {}};
  for (int64_t i = 0; i < layers; ++i) {
    LayerInputs layer;
    layer.read = layout.streams_read(i);
    const auto alike = std::ranges::find(inputs.layers, layer.read, &LayerInputs::read);
    if (alike != inputs.layers.end()) {
      layer.audio_ids = alike->audio_ids;
    } else if (!layer.read.empty()) {
      std::vector<torch::Tensor> ids;
      for (int64_t stream : layer.read) ids.push_back(layout.stream_ids[std::size_t(stream)]);
      layer.audio_ids = to_device(torch::cat(ids), device);
    }
    layer.plan = layout.plan(layer.read);
    layer.deaf.groups = layout.deaf_groups(i);
    if (!layer.deaf.groups.empty()) layer.deaf.plan = layout.plan({});
    inputs.layers.push_back(std::move(layer));
  }
  return inputs;
}

TargetInputs make_target_inputs(const SequenceLayout& layout, const torch::Tensor& tokens, const torch::Tensor& target, torch::Device device) {
  const auto places = target.nonzero().squeeze(1);  // text tokens that are targets
  PAL_ASSERT(places.numel() == 0 || places[0].item<int64_t>() > 0, "the first token of a batch cannot be a target");
  const auto sample_of = [&](const torch::Tensor& text) {
    return layout.row_samples.index_select(0, layout.text_rows.index_select(0, text));
  };
  PAL_ASSERT(torch::equal(sample_of(places), sample_of(places - 1)), "the first token of a sample cannot be a target");
  return {to_device(layout.text_rows.index_select(0, places - 1), device), tokens.index_select(0, to_device(places, tokens.device()))};
}

StepInputs make_step_inputs(const SequenceLayout& layout, const torch::Tensor& tokens, const torch::Tensor& target, int64_t layers, torch::Device device) {
  const auto sent = to_device(tokens, device);
  return {make_row_inputs(layout, sent, device), make_layers_inputs(layout, layers, device), make_target_inputs(layout, sent, target, device)};
}

}  // namespace pal
