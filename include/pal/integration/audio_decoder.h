// A decoder that hears: text and audio streams in, hidden states out. Training and full recomputation; generation with a cache
// is eval/generate. What each function reads beside tensors is a layout, or what was made and sent of one before (step_inputs.h): then nothing is sent here.
#pragma once

#include "pal/decoder/decoder.h"
#include "pal/integration/lal_attention.h"
#include "pal/integration/sequence_layout.h"
#include "pal/integration/step_inputs.h"

namespace pal {

// What run_layers() does not keep for the backward, but computes again there: time for memory.
enum class CheckpointPolicy {
  kNone,         // nothing
  kFeedForward,  // what is inside each feed-forward block: most of a layer's bytes
  kAll           // all but each layer's input
};

// none | ffn | all. Throws UserError for another name.
CheckpointPolicy parse_checkpoint_policy(const std::string& name);

// Puts text embeddings and the tokens of PLITS streams in the order of their rows -> [R, D].
torch::Tensor assemble_rows(Decoder& llm, const torch::Tensor& tokens,               // [T] int64, packed
                            const std::vector<torch::Tensor>& streams,               // per stream [A_s, D]
                            const SequenceLayout& layout);
// The same of make_row_inputs().
torch::Tensor assemble_rows(Decoder& llm, const RowInputs& inputs, const std::vector<torch::Tensor>& streams);
// The same from the text's embeddings, [T, D].
torch::Tensor assemble_rows(const torch::Tensor& text, const RowInputs& inputs, const std::vector<torch::Tensor>& streams);

// All layers and the final norm over a packed batch -> hidden [R, D].
//   streams: connector outputs per stream [A_s, D]; those of LAL streams are read here, those of PLITS are in `rows`.
//   backend: shared, since a recomputed layer needs it in the backward.
//   kept: where given, receives each layer's keys and values (see lal_attention); not together with activation checkpointing.
//   onward: where defined, [N] int64 on the decoder's device: the rows whose hidden states somebody reads -> [N, D] of these. The last layer computes the
//   output projection and the feed-forward for them alone: the others would give nothing that is read. All other layers compute every row.
torch::Tensor run_layers(Decoder& llm, torch::Tensor rows, const std::vector<torch::Tensor>& streams,
                         const SequenceLayout& layout, std::shared_ptr<const AttentionBackend> backend,
                         CheckpointPolicy checkpointing = CheckpointPolicy::kNone, std::vector<KeyValues>* kept = nullptr, const torch::Tensor& onward = {});
// The same by make_layers_inputs().
torch::Tensor run_layers(Decoder& llm, torch::Tensor rows, const std::vector<torch::Tensor>& streams, const LayersInputs& inputs,
                         std::shared_ptr<const AttentionBackend> backend, CheckpointPolicy checkpointing = CheckpointPolicy::kNone, std::vector<KeyValues>* kept = nullptr,
                         const torch::Tensor& onward = {});

// Sum of the cross-entropies of the text tokens whose flag is set (the caller divides by the number of targets of the whole step),
// each predicted from the row of the text token before it. hidden: [R, D], of all rows. target: [T] bool, CPU; the first token of a sample cannot be one.
torch::Tensor target_loss(Decoder& llm, const torch::Tensor& hidden, const torch::Tensor& tokens, const torch::Tensor& target,
                          const SequenceLayout& layout);
// The same of make_target_inputs(), of which targets below 0 count nothing. hidden: [N, D], of the rows that targets are predicted from; head: the head's weight, [V, D].
torch::Tensor target_loss(const torch::Tensor& hidden, const torch::Tensor& head, const TargetInputs& inputs);

}  // namespace pal
