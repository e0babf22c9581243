// The feed-forward block of Llama-like decoders: down(silu(gate(x)) * up(x)) (Shazeer 2020).
#pragma once

#include "pal/nn/linear.h"

namespace pal {

// silu(gate) * up. gate_up [n, 2 F]: the gates, then what they open for -> [n, F]. Keeps gate_up alone for the backward.
torch::Tensor swiglu(const torch::Tensor& gate_up);

// The block; its parameters are named as in Hugging Face's checkpoints.
struct SwigluMlpImpl : torch::nn::Module {
  SwigluMlpImpl(int64_t width, int64_t hidden, torch::TensorOptions options = {});  // not initialised
  torch::Tensor forward(const torch::Tensor& x);                                    // [R, width] -> [R, width]

  Linear gate_proj, up_proj, down_proj;  // [hidden, width] both, laid together; [width, hidden]; no biases
};
TORCH_MODULE(SwigluMlp);

}  // namespace pal
