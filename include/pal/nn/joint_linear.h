// Linear layers that read the same rows, as one product: queries, keys and values; gate and up.
#pragma once

#include <vector>

#include "pal/nn/linear.h"

namespace pal {

// Puts the weights of linear layers of one width and type into one storage, in this order, and their biases into another: together they are one
// matrix. For modules that were just made: they are not initialised, before and after. Nothing is done on torch::kMeta.
void lay_together(const std::vector<Linear>& layers);

// Each layer's output, side by side. x [n, in] -> [n, sum of outs]
// One product, and one for each gradient, where the weights lie together and all or none of them learn; otherwise, after a module was moved, say, layer by layer,
// which is its reference. Adapters are added to their layer's part.
torch::Tensor joint_linear(const torch::Tensor& x, const std::vector<Linear>& layers);

// joint_linear() of x * scale, scale [in], without x * scale: the weights are multiplied by it instead, in the forward and again in the backward. For many rows that several layers
// read, each with a scale of its own: nothing as large as x is made in the forward, and nothing but x kept. Where weights do not lie together, do not learn alike or have adapters
// it computes joint_linear(x * scale), its reference.
torch::Tensor scaled_joint_linear(const torch::Tensor& x, const torch::Tensor& scale, const std::vector<Linear>& layers);

}  // namespace pal
