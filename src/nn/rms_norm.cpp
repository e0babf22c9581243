#include "pal/nn/rms_norm.h"

namespace pal {

RmsNormImpl::RmsNormImpl(int64_t width, double eps, torch::TensorOptions options) : eps(eps) {
  weight = register_parameter("weight", torch::ones({width}, options));
}

torch::Tensor RmsNormImpl::forward(const torch::Tensor& x) {
  return at::rms_norm(x, weight.sizes(), weight, eps);
}

}  // namespace pal
