#include "pal/train/memory_plan.h"

#include "pal/core/check.h"

namespace pal {

StageMemory stage_memory(const std::vector<NamedParameter>& parameters, const StageOptions& stage) {
  StageMemory memory;
  memory.stage = stage.name;
  memory.groups = apply_stage_policy(parameters, stage.trainable);
  for (const auto& parameter : parameters) {
    const auto& value = parameter.value;
    memory.weight_bytes += int64_t(value.nbytes());
    if (!value.requires_grad()) continue;
    memory.gradient_bytes += int64_t(value.nbytes());
    const bool master = stage.master_weights && value.element_size() == 2;
    memory.optimizer_bytes += 2 * value.numel() * (master ? 4 : value.element_size()) + (master ? 4 * value.numel() : 0);
  }
  return memory;
}

int64_t activation_bytes(const ModelOptions& model, const DecoderOptions& d, const BatchShape& batch) {
  PAL_CHECK(batch.streams.size() == model.streams.size(), "tokens of {} streams were given, but the model has {}",
            batch.streams.size(), model.streams.size());
  const int64_t element = int64_t(c10::elementSize(parse_float_type(model.dtype)));
  int64_t rows = batch.text_tokens;
  std::vector<int64_t> audio(std::size_t(d.layers), 0);  // read by each layer
  for (std::size_t i = 0; i < model.streams.size(); ++i) {
    if (model.streams[i].integration == Integration::kPlits) {
      rows += batch.streams[i];
      continue;
    }
    const auto flags = model.streams[i].layers.flags(d.layers, model.streams[i].name);
    for (std::size_t l = 0; l < flags.size(); ++l)
      if (flags[l]) audio[l] += batch.streams[i];
  }
  int64_t elements = 0;
  for (int64_t heard : audio) {
    const int64_t keys = rows + heard;
    if (model.checkpoint_activations) {
      elements += rows * d.width;  // the layer's input; the audio is shared by all layers
      continue;
    }
    elements += 2 * rows * d.width + heard * d.width;           // input, normed; audio normed
    elements += 2 * rows * d.query_width();                     // queries, attention's output
    elements += 2 * keys * d.kv_width();                        // keys, values
    elements += 2 * rows * d.width;                             // residual, normed
    elements += 4 * rows * d.ffn_width;                         // gate, up, silu(gate), their product
  }
  elements += 2 * rows * d.width;  // final norm
  return batch.samples * elements * element;
}

}  // namespace pal
