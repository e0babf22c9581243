// Root mean square normalisation (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * weight.
#pragma once

#include <torch/torch.h>

namespace pal {

struct RmsNormImpl : torch::nn::Module {
  RmsNormImpl(int64_t width, double eps, torch::TensorOptions options = {});
  torch::Tensor forward(const torch::Tensor& x);  // [..., width] -> [..., width]

  torch::Tensor weight;  // [width]
  double eps;
};
TORCH_MODULE(RmsNorm);

}  // namespace pal
