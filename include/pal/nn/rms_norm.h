// Root mean square normalisation (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * weight.
#pragma once

#include <torch/torch.h>

namespace pal {

// A residual stream after an update, and what a norm makes of it: both [n, width].
struct SumAndNorm {
  torch::Tensor sum, normed;  // x + update, norm(x + update)
};

// The layer, over the last dimension.
struct RmsNormImpl : torch::nn::Module {
  RmsNormImpl(int64_t width, double eps, torch::TensorOptions options = {});  // weights 1
  torch::Tensor forward(const torch::Tensor& x);                              // [..., width] -> [..., width]
  // The residual's sum and its norm in one pass, where there is a kernel for it. x: [n, width]; update: the same, or not defined, where nothing is added
  SumAndNorm forward_sum(const torch::Tensor& x, const torch::Tensor& update);

  torch::Tensor weight;  // [width]
  double eps;            // added under the root
};
TORCH_MODULE(RmsNorm);

// The norm without a weight, for x that several layers read, each with a weight of its own: a norm's output is this times its weight. [..., width] -> [..., width]
torch::Tensor unit_rms(const torch::Tensor& x, double eps);

}  // namespace pal
