// The feed-forward block of Llama-like decoders: down(silu(gate(x)) * up(x)) (Shazeer 2020).
#pragma once

#include "pal/nn/linear.h"

namespace pal {

struct SwigluMlpImpl : torch::nn::Module {
  SwigluMlpImpl(int64_t width, int64_t hidden, torch::TensorOptions options = {});
  torch::Tensor forward(const torch::Tensor& x);  // [R, width] -> [R, width]

  Linear gate_proj, up_proj, down_proj;
};
TORCH_MODULE(SwigluMlp);

}  // namespace pal
