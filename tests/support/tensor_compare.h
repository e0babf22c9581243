// How tensors are compared throughout: ||a - b|| / ||b|| over the whole tensor.
#pragma once

#include <torch/torch.h>

namespace pal {

inline double relative_distance(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.detach().to(torch::kCPU, torch::kFloat64), y = b.detach().to(torch::kCPU, torch::kFloat64);
  if (x.sizes() != y.sizes()) return INFINITY;
  const double norm = y.norm().item<double>();
  const double distance = (x - y).norm().item<double>();
  return norm == 0.0 ? distance : distance / norm;
}

inline bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         torch::equal(a.detach().cpu().contiguous().view(torch::kUInt8), b.detach().cpu().contiguous().view(torch::kUInt8));
}

}  // namespace pal
