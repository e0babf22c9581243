// The feed-forward block of Llama-like decoders: down(silu(gate(x)) * up(x)) (Shazeer 2020).
#pragma once

#include "pal/nn/linear.h"

namespace pal {

// The block; its parameters are named as in Hugging Face's checkpoints.
struct SwigluMlpImpl : torch::nn::Module {
  SwigluMlpImpl(int64_t width, int64_t hidden, torch::TensorOptions options = {});  // not initialised
  torch::Tensor forward(const torch::Tensor& x);                                    // [R, width] -> [R, width]

  Linear gate_proj, up_proj, down_proj;  // [hidden, width], [hidden, width], [width, hidden]; no biases
};
TORCH_MODULE(SwigluMlp);

}  // namespace pal
