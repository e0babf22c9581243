#include "pal/nn/linear.h"

#include <cmath>

#include "pal/core/random.h"

namespace pal {

LinearImpl::LinearImpl(int64_t in, int64_t out, bool with_bias, torch::TensorOptions options) {
  weight = register_parameter("weight", torch::empty({out, in}, options));
  if (with_bias) bias = register_parameter("bias", torch::empty({out}, options));
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) { return torch::linear(x, weight, bias); }

void init_linears(torch::nn::Module& module, uint64_t seed) {
  torch::NoGradGuard no_grad;
  for (const auto& item : module.named_modules("", /*include_self=*/false)) {
    auto* linear = item.value()->as<LinearImpl>();
    if (linear == nullptr) continue;
    // On the CPU and in float32 whatever the model's device and type: the same seed gives the same weights anywhere.
    auto generator = at::detail::createCPUGenerator(stream_seed(seed, item.key()));
    const double bound = 1.0 / std::sqrt(double(linear->weight.size(1)));
    for (auto* parameter : {&linear->weight, &linear->bias}) {
      if (!parameter->defined()) continue;
      parameter->copy_(torch::empty(parameter->sizes(), torch::kFloat32).uniform_(-bound, bound, generator));
    }
  }
}

}  // namespace pal
