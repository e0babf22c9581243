#include "row_product.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>

#include <atomic>

#include "kernel_call.h"
#include "pal/kernels/few_rows.h"

namespace pal {

namespace {

std::atomic<CpuProducts> chosen = CpuProducts::kByProcessor;

bool is_amd() {
#if defined(__x86_64__)
  static const bool amd = __builtin_cpu_is("amd");
  return amd;
#else
  return false;
#endif
}

// Of x's type and on the CPU, too.
bool is_alike(const torch::Tensor& x, const torch::Tensor& other) { return other.is_cpu() && other.scalar_type() == x.scalar_type(); }

// What does not fit together is torch's, which says so.
bool fits(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  return x.dim() == 2 && weight.dim() == 2 && is_alike(x, weight) && x.size(1) == weight.size(1) && (!bias.defined() || (is_alike(x, bias) && bias.dim() == 1 && bias.numel() == weight.size(0)));
}

bool is_as_on_amd(const torch::Tensor& x, const torch::Tensor& weight) {
  constexpr int64_t kMany = 32;  // of fewer rows by a weight in other strides nothing was measured
  if (x.scalar_type() != torch::kFloat32 || (x.size(0) < kMany && !weight.is_contiguous())) return false;
  return (chosen == CpuProducts::kAsOnAmd || is_amd()) && at::globalContext().userEnabledMkldnn() && at::hasMKLDNN();
}

bool is_for_few_rows(const torch::Tensor& x, const torch::Tensor& weight) { return has_kernels(x) && weight.is_contiguous() && x.size(0) <= kernels::kMostFewRows; }

torch::Tensor few_rows_product(const torch::Tensor& given, const torch::Tensor& weight, const torch::Tensor& given_bias) {
  const auto x = given.contiguous(), bias = given_bias.defined() ? given_bias.contiguous() : given_bias;
  RECORD_FUNCTION("pal::few_rows", std::vector<c10::IValue>({x, weight}));  // for who counts products
  const auto y = torch::empty({x.size(0), weight.size(0)}, x.options());
  const auto call = [&]<typename T>(T) { kernels::few_rows_cpu(kernels::FewRows<T>{numbers<T>(x), numbers<T>(weight), numbers<T>(bias), numbers<T>(y), x.size(0), x.size(1), weight.size(0)}); };
  run_kernel(x, [](auto, kernels::Stream) {}, call);
  return y;
}

// torch's one operator that hands a dense product to oneDNN as it is; it is what torch.compile calls, too.
torch::Tensor one_dnn_product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  using Operator = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view, c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Operator>();
  return op.call(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
}

}  // namespace

torch::Tensor row_product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  if (!x.is_cpu() || x.numel() == 0 || chosen == CpuProducts::kTorch || !fits(x, weight, bias)) return torch::linear(x, weight, bias);
  if (is_for_few_rows(x, weight)) return few_rows_product(x, weight, bias);
  return is_as_on_amd(x, weight) ? one_dnn_product(x, weight, bias) : torch::linear(x, weight, bias);
}

void set_cpu_products(CpuProducts choice) { chosen = choice; }

}  // namespace pal
