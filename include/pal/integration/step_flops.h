// The arithmetic that a training step cannot do without, from shapes: what "model TFLOP/s" divides by the time.
//
// Counted, 2 for a multiplication and an addition: matrix products and attention's two products over the pairs of rows and keys that see
// each other. The backward of a product is one product for each factor whose gradient somebody needs; frozen weights, and
// layers before anything that learns, cost none; nor do the last layer's output projection and feed-forward but for rows that a target is predicted from. Norms, RoPE, the softmax and recomputation are not counted.
#pragma once

#include "pal/integration/pal_model.h"

namespace pal {

// Operations of one step.
struct StepFlops {
  double products = 0;   // of linear layers and the head, forward and backward
  double attention = 0;  // likewise
  double total() const { return products + attention; }  // both
};

// Of the decoder with its head, for the parameters that are trained now (requires_grad). Logits are counted for targets alone.
StepFlops decoder_flops(PalModel& model, const PalBatch& batch);

// Pairs of a row and a key that it sees.
int64_t visible_pairs(const AttentionPlan& plan);

}  // namespace pal
