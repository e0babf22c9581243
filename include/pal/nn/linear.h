// A linear layer whose weights come from a checkpoint: nothing is drawn at random that would be overwritten.
#pragma once

#include <torch/torch.h>

#include <optional>

#include "pal/nn/lora.h"

namespace pal {

// x weight^T + bias, and a low-rank update where one was added.
struct LinearImpl : torch::nn::Module {
  // Uninitialised; fill `weight` [out, in] and `bias` [out] from a checkpoint or with init_linears().
  LinearImpl(int64_t in, int64_t out, bool with_bias, torch::TensorOptions options = {});
  torch::Tensor forward(const torch::Tensor& x);  // [..., in] -> [..., out]

  void add_lora(const LoraOptions& options, uint64_t seed);  // see add_lora() in lora.h; once
  torch::Tensor merged_weight() const;                       // [out, in]: with the update; what a checkpoint without adapters holds

  torch::Tensor weight, bias;  // [out, in] and [out]; bias is not defined without one
  std::optional<Lora> lora;    // its tensors are the parameters lora_A and lora_B
};
TORCH_MODULE(Linear);

// Fills every linear of `module` as torch.nn.Linear does (uniform in +-1/sqrt(in)), from a stream of its own.
void init_linears(torch::nn::Module& module, uint64_t seed);

}  // namespace pal
