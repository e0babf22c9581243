// Random inputs and poisoned outputs of kernels, and torch in float64 to compare with.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>
#include <type_traits>

#include "pal/kernels/numbers.h"
#include "support/tensor_compare.h"

namespace pal::kernels {

template <typename T>
constexpr auto kTorchType = std::is_same_v<T, double> ? torch::kFloat64 : std::is_same_v<T, float> ? torch::kFloat32 : torch::kBFloat16;

template <typename T>
T* pointer(const torch::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

// Normally distributed, in T's precision.
template <typename T>
torch::Tensor random(torch::IntArrayRef sizes, double scale = 1.0) {
  return (torch::randn(sizes, torch::kFloat64) * scale).to(kTorchType<T>);
}

// What a kernel must overwrite.
template <typename T>
torch::Tensor poisoned(torch::IntArrayRef sizes) {
  return torch::full(sizes, std::numeric_limits<double>::quiet_NaN(), kTorchType<T>);
}

// What rounding a result once costs at most, with room for a sum's order.
template <typename T>
constexpr double kTolerance = std::is_same_v<T, double> ? 1e-13 : std::is_same_v<T, float> ? 1e-6 : 4e-3;

}  // namespace pal::kernels
