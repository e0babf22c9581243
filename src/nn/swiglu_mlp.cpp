#include "pal/nn/swiglu_mlp.h"

namespace pal {

SwigluMlpImpl::SwigluMlpImpl(int64_t width, int64_t hidden, torch::TensorOptions options)
    : gate_proj(width, hidden, false, options),
      up_proj(width, hidden, false, options),
      down_proj(hidden, width, false, options) {
  register_module("gate_proj", gate_proj);
  register_module("up_proj", up_proj);
  register_module("down_proj", down_proj);
}

torch::Tensor SwigluMlpImpl::forward(const torch::Tensor& x) {
  return down_proj(torch::silu(gate_proj(x)) * up_proj(x));
}

}  // namespace pal
