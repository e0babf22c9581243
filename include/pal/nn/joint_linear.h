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

}  // namespace pal
