// Cross-entropy of a language-model head in chunks, so that the vocabulary never costs [n, V] floats.
#pragma once

#include <torch/torch.h>

namespace pal {

// So many rows' logits linear_cross_entropy() computes at once where it is not told: 256 on the CPU; on a GPU, where a product that is added to a wide sum costs several passes
// over [V, D], as many as 512 MiB hold, and 256 at least. vocabulary: V; element_bytes: of a logit.
int64_t cross_entropy_chunk(bool is_cuda, int64_t vocabulary, int64_t element_bytes);

// Sum over n rows of -log softmax(hidden @ weight^T)[target].
//   hidden [n, D], weight [V, D], targets [n] int64 -> scalar, float32 (float64 for float64 hidden).
// A target below 0 counts nothing: its loss and its gradients are exactly 0.
// Logits are computed `chunk` rows at a time (0: as above), losses in float32 or wider. Gradients of hidden and weight are computed in the same
// pass (each only where it is asked for), so a backward costs one scaling, or nothing (backward_from_one()).
torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight, const torch::Tensor& targets,
                                   int64_t chunk = 0);

// loss.backward(), where linear_cross_entropy() knows without asking the device that its gradient is one: nothing is multiplied by it, as large as the weight.
void backward_from_one(const torch::Tensor& loss);

}  // namespace pal
