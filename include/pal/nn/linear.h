// A linear layer whose weights come from a checkpoint: nothing is drawn at random that would be overwritten.
#pragma once

#include <torch/torch.h>

namespace pal {

// x weight^T + bias.
struct LinearImpl : torch::nn::Module {
  // Uninitialised; fill `weight` [out, in] and `bias` [out] from a checkpoint or with init_linear().
  LinearImpl(int64_t in, int64_t out, bool with_bias, torch::TensorOptions options = {});
  torch::Tensor forward(const torch::Tensor& x);  // [..., in] -> [..., out]

  torch::Tensor weight, bias;  // [out, in] and [out]; bias is not defined without one
};
TORCH_MODULE(Linear);

// Fills every linear of `module` as torch.nn.Linear does (uniform in +-1/sqrt(in)), from a stream of its own.
void init_linears(torch::nn::Module& module, uint64_t seed);

}  // namespace pal
