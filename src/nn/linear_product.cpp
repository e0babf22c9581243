#include "linear_product.h"

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

// parameters: the layers' weights, then their biases, where they have any.
struct LinearProduct : torch::autograd::Function<LinearProduct> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& x, int64_t layers, at::TensorList parameters) {
    const auto bias = int64_t(parameters.size()) > layers ? as_one(parameters.slice(std::size_t(layers))) : torch::Tensor();
    const bool learns = parameters[0].requires_grad();
    variable_list saved{learns ? x : torch::Tensor()};  // frozen weights need no rows
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    ctx->save_for_backward(saved);
    ctx->saved_data["layers"] = layers;
    return in_shape(row_product(as_rows(x), as_one(parameters.slice(0, std::size_t(layers))), bias), x.sizes());
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto layers = std::size_t(ctx->saved_data["layers"].toInt());
    const at::TensorList parameters(saved.data() + 1, saved.size() - 1);
    const auto weights = parameters.slice(0, layers), biases = parameters.slice(layers);
    const auto gradient = as_rows(gradients[0].contiguous());

    variable_list result(2 + parameters.size());
    if (ctx->needs_input_grad(0)) result[0] = in_shape(row_product(gradient, as_one(weights).t()), gradients[0].sizes());
    if (ctx->needs_input_grad(1)) std::ranges::copy(split_like(gradient.t().mm(as_rows(saved[0])), weights), result.begin() + 2);
    if (!biases.empty() && ctx->needs_input_grad(1 + layers)) std::ranges::copy(split_like(gradient.sum(0), biases), result.begin() + 2 + std::ptrdiff_t(layers));
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

torch::Tensor linear_product(const torch::Tensor& x, const std::vector<torch::Tensor>& weights, const std::vector<torch::Tensor>& biases) {
  if (x.is_meta() || (!biases.empty() && biases.size() != weights.size()) || !is_joint(weights) || (!biases.empty() && !is_joint(biases))) return {};
  auto parameters = weights;
  parameters.insert(parameters.end(), biases.begin(), biases.end());
  return LinearProduct::apply(x, int64_t(weights.size()), at::TensorList(parameters));
}

}  // namespace pal
