// A weight that a model reads twice: as the vectors of its tokens, and as its head.
#pragma once

#include <torch/torch.h>

namespace pal {

// The tokens' vectors, and the weight as the head is to read it.
struct EmbeddedTokens {
  torch::Tensor rows;  // [n, D]
  torch::Tensor head;  // [V, D]
};

// weight [V, D], ids [n] int64. The weight's gradient is that of `head`, to which the rows' are added where it lies: no [V, D] of zeros is made for them, and
// none is added to another. Whatever reads `head` must give a gradient that is its own and without gaps, as linear_cross_entropy() does: it is written to. On CUDA, by the kernel
// (float32, bfloat16), rows of one id are summed in float, in their order.
EmbeddedTokens tied_embedding(const torch::Tensor& weight, const torch::Tensor& ids);

}  // namespace pal
