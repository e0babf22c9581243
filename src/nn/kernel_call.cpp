#include "kernel_call.h"

namespace pal {

bool has_cuda_kernels(const torch::Tensor& x) {
  return x.is_cuda() && kernels::built_for_cuda() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

bool has_kernels(const torch::Tensor& x) {
  return has_cuda_kernels(x) || (x.is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kFloat64));
}

bool has_exp_kernels(const torch::Tensor& x) { return has_kernels(x) && (!x.is_cpu() || kernels::has_vector_exp()); }

}  // namespace pal
