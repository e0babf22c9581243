// Where rows look: the attention of one sample's rows over its audio, layer by layer. For looking at a model, not for speed.
#pragma once

#include "pal/integration/pal_model.h"

namespace pal {

// What one layer's rows read of one stream.
struct StreamAttention {
  int64_t layer = 0;       // of the decoder
  int64_t stream = 0;      // index into the model's streams; a LAL stream only where the layer reads it, a PLITS stream everywhere
  torch::Tensor weights;   // [H, n, N'] float64, CPU: each head's softmax weights on the stream's N' tokens; the rest of the 1 is on text
};

// Runs a batch of one sample and gives the weights of some of its rows over each of its streams with tokens, by layer and stream.
//   rows: [n] int64, CPU: rows of the batch's layout (SequenceLayout::text_rows has those of the text)
// The layers themselves run on the model's own backend; the weights are computed beside it in float64 (nn/attention_weights.h).
std::vector<StreamAttention> capture_attention(PalModel& model, const PalBatch& batch, const torch::Tensor& rows);

}  // namespace pal
