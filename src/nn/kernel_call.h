// How layers call the library `kernels`: which tensors it takes, in which numbers and in which stream.
#pragma once

#include <torch/torch.h>

#include "pal/kernels/numbers.h"
#include "pal/kernels/stream.h"

namespace pal {

// Whether there are kernels for numbers of this tensor's type on its device: float and double on the CPU; float and bfloat16 on CUDA, where they
// were built. Everything else is left to torch's operators.
bool has_kernels(const torch::Tensor& x);
// The same for kernels that take exponentials.
bool has_exp_kernels(const torch::Tensor& x);
// The same for kernels that are CUDA's alone.
bool has_cuda_kernels(const torch::Tensor& x);

// The stream that torch computes in on this device.
kernels::Stream current_stream(torch::Device device);

// Calls on_cuda(T(), stream) or on_cpu(T()), T being the kernels' name of x's type, with x's device as the current one.
template <typename OnCuda, typename OnCpu>
void run_kernel(const torch::Tensor& x, const OnCuda& on_cuda, const OnCpu& on_cpu) {
  if (!x.is_cuda()) return x.scalar_type() == torch::kFloat64 ? on_cpu(double()) : on_cpu(float());
  const c10::DeviceGuard guard(x.device());
  const auto stream = current_stream(x.device());
  x.scalar_type() == torch::kBFloat16 ? on_cuda(kernels::Bf16(), stream) : on_cuda(float(), stream);
}

// The tensor's numbers as a kernel takes them; null where it is not defined.
template <typename T>
T* numbers(const torch::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

}  // namespace pal
