// Root mean square normalisation (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * weight.
#pragma once

#include <torch/torch.h>

namespace pal {

// The layer, over the last dimension.
struct RmsNormImpl : torch::nn::Module {
  RmsNormImpl(int64_t width, double eps, torch::TensorOptions options = {});  // weights 1
  torch::Tensor forward(const torch::Tensor& x);                              // [..., width] -> [..., width]

  torch::Tensor weight;  // [width]
  double eps;            // added under the root
};
TORCH_MODULE(RmsNorm);

}  // namespace pal
