// All that the decoder's forward and its loss read of a batch but the audio tokens, made and sent to the device before the forward begins. A forward then
// sends nothing itself but what plans make when first asked (StepInputs::tensors() asks them all), so that it can be recorded as a CUDA graph (training_graphs.h) and started again after new numbers were written over these.
#pragma once

#include "pal/integration/lal_attention.h"
#include "pal/integration/sequence_layout.h"

namespace pal {

// What assemble_rows() puts together.
struct RowInputs {
  torch::Tensor tokens;                // [T] int64: the text
  std::vector<int64_t> stream_tokens;  // per stream: A_s, its tokens
  std::vector<int64_t> streams;        // the PLITS streams that have tokens: their tokens follow the text's, in this order
  torch::Tensor source;                // [R] int64: which of all these each row is; not defined where `streams` is empty
};

// What a layer reads beside its rows. Layers that read the same streams share the tensors.
struct LayerInputs {
  std::vector<int64_t> read;                  // LAL streams, increasing
  torch::Tensor audio_ids;                    // [A] int64: slot ids of their tokens; not defined where nothing is read
  std::shared_ptr<const AttentionPlan> plan;  // a recomputed layer keeps it alive
  DeafHeads deaf;                             // none but for probing
};

// What run_layers() reads beside the rows and the streams.
struct LayersInputs {
  torch::Tensor row_ids;            // [R] int64: slot ids
  std::vector<LayerInputs> layers;  // one a layer

  std::vector<std::shared_ptr<const AttentionPlan>> plans() const;  // each once, in the order of the layers
};

// What target_loss() reads beside the hidden states.
struct TargetInputs {
  torch::Tensor rows;    // [N] int64: the row that each target is predicted from
  torch::Tensor wanted;  // [N] int64: the target's token; below 0: it counts nothing
};

// Of a whole step.
struct StepInputs {
  RowInputs rows;        // of assemble_rows()
  LayersInputs layers;   // of run_layers()
  TargetInputs targets;  // of target_loss()

  // All tensors that are read on the device, in an order that depends on shapes alone. Makes what plans make when first asked.
  std::vector<torch::Tensor> tensors() const;
};

// What assemble_rows() reads of the layout, sent to `device`. tokens: [T] int64, of all samples packed, on `device` already.
RowInputs make_row_inputs(const SequenceLayout& layout, const torch::Tensor& tokens, torch::Device device);
// What run_layers() reads of it, sent to `device`. layers: how many the decoder has.
LayersInputs make_layers_inputs(const SequenceLayout& layout, int64_t layers, torch::Device device);
// What target_loss() reads of it, sent to `device`. tokens: [T] int64, on the CPU or on `device`; target: [T] bool, CPU. Throws std::logic_error where the first token of a sample is a target.
TargetInputs make_target_inputs(const SequenceLayout& layout, const torch::Tensor& tokens, const torch::Tensor& target, torch::Device device);
// All three, sent to `device`. tokens: [T] int64, CPU. Throws as make_target_inputs().
StepInputs make_step_inputs(const SequenceLayout& layout, const torch::Tensor& tokens, const torch::Tensor& target, int64_t layers, torch::Device device);

}  // namespace pal
