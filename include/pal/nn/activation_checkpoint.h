// Activation checkpointing: keep a block's inputs, forget what is inside, compute it again in the backward.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

namespace pal {

// Runs `block(inputs)` without recording it; the backward runs it again and differentiates that.
//
// `inputs` (all defined) must hold every tensor that the block reads and that may need a gradient - rows, audio, and `parameters` - for a
// tensor that is only captured would silently lose its gradient. With no gradient asked for, this is block(inputs).
// `block` must compute the same on both runs (no dropout drawn from a global generator).
torch::Tensor checkpointed(const std::function<torch::Tensor(const std::vector<torch::Tensor>&)>& block,
                           const std::vector<torch::Tensor>& inputs, const std::vector<torch::Tensor>& parameters);

}  // namespace pal
