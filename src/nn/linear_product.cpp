#include "pal/nn/linear_product.h"

#include <algorithm>

#include "row_product.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The tensors, which differ in their first dimension alone, as one; not defined unless they lie one behind the other.
torch::Tensor as_one(at::TensorList parts) {
  int64_t rows = 0;
  const auto* next = static_cast<const char*>(parts[0].data_ptr());
  for (const auto& part : parts) {
    if (!part.is_contiguous() || !part.storage().is_alias_of(parts[0].storage()) || part.data_ptr() != next) return {};
    next += part.nbytes();
    rows += part.size(0);
  }
  auto sizes = parts[0].sizes().vec();
  sizes[0] = rows;
  return parts[0].detach().as_strided(sizes, parts[0].strides());
}

torch::Tensor as_rows(const torch::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

// `rows` in these sizes but for the last.
torch::Tensor in_shape(const torch::Tensor& rows, at::IntArrayRef like) {
  auto sizes = like.vec();
  sizes.back() = rows.size(-1);
  return rows.view(sizes);
}

torch::Tensor scaled(const torch::Tensor& weight, const torch::Tensor& scale) { return scale.defined() ? weight * scale : weight; }

// parameters: the layers' weights, then their biases, where they have any.
struct LinearProduct : torch::autograd::Function<LinearProduct> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& x, const std::optional<torch::Tensor>& given_scale, int64_t layers, at::TensorList parameters) {
    const auto scale = given_scale.value_or(torch::Tensor());
    const auto bias = int64_t(parameters.size()) > layers ? as_one(parameters.slice(std::size_t(layers))) : torch::Tensor();
    const bool learns = parameters[0].requires_grad() || (scale.defined() && scale.requires_grad());
    variable_list saved{learns ? x : torch::Tensor(), scale};  // what is frozen needs no rows
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    ctx->save_for_backward(saved);
    ctx->saved_data["layers"] = layers;
    return in_shape(row_product(as_rows(x), scaled(as_one(parameters.slice(0, std::size_t(layers))), scale), bias), x.sizes());
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto layers = std::size_t(ctx->saved_data["layers"].toInt());
    const auto& scale = saved[1];
    const at::TensorList parameters(saved.data() + 2, saved.size() - 2);
    const auto weights = parameters.slice(0, layers), biases = parameters.slice(layers);
    const std::size_t first = scale.defined() ? 2 : 1;  // of the weights among the inputs that are there
    const bool weights_learn = ctx->needs_input_grad(first), scale_learns = scale.defined() && ctx->needs_input_grad(1);
    const auto gradient = as_rows(gradients[0].contiguous());

    variable_list result(3 + parameters.size());
    if (ctx->needs_input_grad(0)) result[0] = in_shape(row_product(gradient, scaled(as_one(weights), scale).t()), gradients[0].sizes());
    if (weights_learn || scale_learns) {
      auto of_product = gradient.t().mm(as_rows(saved[0]));  // of the weights as they were multiplied
      if (scale_learns) result[1] = (of_product * as_one(weights)).sum(0);
      if (scale.defined() && weights_learn) of_product.mul_(scale);
      if (weights_learn) std::ranges::copy(split_like(of_product, weights), result.begin() + 3);
    }
    if (!biases.empty() && ctx->needs_input_grad(first + layers)) std::ranges::copy(split_like(gradient.sum(0), biases), result.begin() + 3 + std::ptrdiff_t(layers));
    return result;
  }
};

// Where they can be one: laid together, and learning alike.
bool is_joint(at::TensorList parts) {
  return as_one(parts).defined() && std::ranges::all_of(parts, [&](const auto& part) { return part.requires_grad() == parts[0].requires_grad(); });
}

}  // namespace

std::vector<torch::Tensor> split_like(const torch::Tensor& whole, at::TensorList parts) {
  std::vector<torch::Tensor> pieces;
  int64_t begin = 0;
  for (const auto& part : parts) {
    pieces.push_back(whole.slice(0, begin, begin + part.size(0)));
    begin += part.size(0);
  }
  return pieces;
}

torch::Tensor linear_product(const torch::Tensor& x, const std::vector<torch::Tensor>& weights, const std::vector<torch::Tensor>& biases, const torch::Tensor& scale) {
  if (x.is_meta() || (!biases.empty() && biases.size() != weights.size()) || !is_joint(weights) || (!biases.empty() && !is_joint(biases))) return {};
  auto parameters = weights;
  parameters.insert(parameters.end(), biases.begin(), biases.end());
  return LinearProduct::apply(x, scale.defined() ? std::optional(scale) : std::nullopt, int64_t(weights.size()), at::TensorList(parameters));
}

}  // namespace pal
