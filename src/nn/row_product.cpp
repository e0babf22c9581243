#include "row_product.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <atomic>

namespace pal {

namespace {

constexpr int64_t kFewRows = 8;  // up to so many MKL does not copy the weight where it comes first, and is the fastest then

std::atomic<CpuProducts> chosen = CpuProducts::kByProcessor;

bool is_amd() {
#if defined(__x86_64__)
  static const bool amd = __builtin_cpu_is("amd");
  return amd;
#else
  return false;
#endif
}

bool is_as_on_amd(const torch::Tensor& x) {
  if (!x.is_cpu() || x.scalar_type() != torch::kFloat32 || x.size(0) == 0 || chosen == CpuProducts::kTorch) return false;
  return (chosen == CpuProducts::kAsOnAmd || is_amd()) && at::globalContext().userEnabledMkldnn() && at::hasMKLDNN();
}

torch::Tensor few_rows_product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  const auto y = weight.mm(x.t()).t().contiguous();
  return bias.defined() ? y + bias : y;
}

// torch's one operator that hands a dense product to oneDNN as it is; it is what torch.compile calls, too.
torch::Tensor one_dnn_product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  using Operator = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view, c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Operator>();
  return op.call(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
}

}  // namespace

torch::Tensor row_product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  if (!is_as_on_amd(x)) return torch::linear(x, weight, bias);
  return x.size(0) > 1 && x.size(0) <= kFewRows ? few_rows_product(x, weight, bias) : one_dnn_product(x, weight, bias);
}

void set_cpu_products(CpuProducts choice) { chosen = choice; }

}  // namespace pal
