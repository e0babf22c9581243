#include "pal/nn/linear.h"

#include <cmath>

#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/nn/linear_product.h"

namespace pal {

namespace {

// Uniform in +-1/sqrt(in), drawn in float32 on the CPU whatever the tensor's type and device.
void fill_uniform(torch::Tensor& tensor, at::Generator generator, int64_t in) {
  torch::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(double(in));
  tensor.copy_(torch::empty(tensor.sizes(), torch::kFloat32).uniform_(-bound, bound, generator));
}

}  // namespace

LinearImpl::LinearImpl(int64_t in, int64_t out, bool with_bias, torch::TensorOptions options) {
  weight = register_parameter("weight", torch::empty({out, in}, options));
  if (with_bias) bias = register_parameter("bias", torch::empty({out}, options));
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) {
  auto y = linear_product(x, {weight}, bias.defined() ? std::vector<torch::Tensor>{bias} : std::vector<torch::Tensor>{});
  if (!y.defined()) y = torch::linear(x, weight, bias);
  return lora ? y + lora->forward(x) : y;
}

void LinearImpl::add_lora(const LoraOptions& o, uint64_t seed) {
  PAL_ASSERT(!lora, "an adapter is there already");
  lora.emplace();
  lora->A = register_parameter("lora_A", torch::empty({o.rank, weight.size(1)}, weight.options().requires_grad(false)));
  lora->B = register_parameter("lora_B", torch::zeros({weight.size(0), o.rank}, weight.options().requires_grad(false)));
  lora->scale = o.alpha / double(o.rank);
  lora->dropout = o.dropout;
  if (weight.is_meta()) return;  // shapes only
  fill_uniform(lora->A, at::detail::createCPUGenerator(seed), weight.size(1));
}

torch::Tensor LinearImpl::merged_weight() const { return lora ? weight + lora->update() : weight; }

void init_linears(torch::nn::Module& module, uint64_t seed) {
  torch::NoGradGuard no_grad;
  for (const auto& item : module.named_modules("", /*include_self=*/false)) {
    auto* linear = item.value()->as<LinearImpl>();
    if (linear == nullptr) continue;
    // On the CPU and in float32 whatever the model's device and type: the same seed gives the same weights anywhere.
    auto generator = at::detail::createCPUGenerator(stream_seed(seed, item.key()));
    for (auto* parameter : {&linear->weight, &linear->bias})
      if (parameter->defined()) fill_uniform(*parameter, generator, linear->weight.size(1));
  }
}

}  // namespace pal
