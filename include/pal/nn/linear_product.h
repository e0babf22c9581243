// The product of one or several linear layers with the same rows, for autograd.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace pal {

// x [..., in], weights [out_i, in], biases [out_i] of all or of none -> [..., sum of out_i], not defined where it cannot be one product: weights that do
// not lie one behind the other, or of which only some learn. scale: [in], where defined, multiplied into the weights: the product of x * scale.
torch::Tensor linear_product(const torch::Tensor& x, const std::vector<torch::Tensor>& weights, const std::vector<torch::Tensor>& biases, const torch::Tensor& scale = {});

// Slices of `whole` along its first dimension, as long as `parts`.
std::vector<torch::Tensor> split_like(const torch::Tensor& whole, at::TensorList parts);

}  // namespace pal
