#include "pal/nn/joint_linear.h"

#include <algorithm>

#include "pal/core/check.h"
#include "pal/nn/linear_product.h"

namespace pal {

namespace {

// Weights, and biases of the layers that have one.
struct Parts {
  std::vector<torch::Tensor> weights, biases;

  explicit Parts(const std::vector<Linear>& layers) {
    for (const auto& layer : layers) {
      weights.push_back(layer->weight);
      if (layer->bias.defined()) biases.push_back(layer->bias);
    }
  }
};

bool has_adapters(const std::vector<Linear>& layers) {
  return std::ranges::any_of(layers, [](const Linear& layer) { return layer->lora.has_value(); });
}

torch::Tensor without_adapters(const torch::Tensor& x, const std::vector<Linear>& layers) {
  const Parts parts(layers);
  if (const auto y = linear_product(x, parts.weights, parts.biases); y.defined()) return y;
  std::vector<torch::Tensor> outputs;
  for (const auto& layer : layers) outputs.push_back(torch::linear(x, layer->weight, layer->bias));
  return torch::cat(outputs, -1);
}

void lay_together(std::vector<torch::Tensor> parts) {
  if (parts.empty() || parts[0].is_meta()) return;
  auto sizes = parts[0].sizes().vec();
  sizes[0] = 0;
  for (const auto& part : parts) {
    PAL_ASSERT(part.options().type_equal(parts[0].options()) && part.sizes().slice(1) == parts[0].sizes().slice(1), "what is laid together must be alike");
    sizes[0] += part.size(0);
  }
  const auto pieces = split_like(torch::empty(sizes, parts[0].options().requires_grad(false)), parts);
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].set_data(pieces[i]);
}

}  // namespace

void lay_together(const std::vector<Linear>& layers) {
  torch::NoGradGuard no_grad;
  const Parts parts(layers);
  lay_together(parts.weights);
  lay_together(parts.biases);
}

torch::Tensor joint_linear(const torch::Tensor& x, const std::vector<Linear>& layers) {
  auto y = without_adapters(x, layers);
  if (!has_adapters(layers)) return y;
  std::vector<torch::Tensor> updates;
  for (const auto& layer : layers)
    updates.push_back(layer->lora ? layer->lora->forward(x) : torch::zeros({x.size(0), layer->weight.size(0)}, y.options()));
  return y + torch::cat(updates, -1);
}

torch::Tensor scaled_joint_linear(const torch::Tensor& x, const torch::Tensor& scale, const std::vector<Linear>& layers) {
  if (!has_adapters(layers)) {
    const Parts parts(layers);
    if (const auto y = linear_product(x, parts.weights, parts.biases, scale); y.defined()) return y;
  }
  return joint_linear(x * scale, layers);
}

}  // namespace pal
