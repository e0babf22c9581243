#include "pal/nn/lora.h"

#include <cmath>
#include <map>

#include "pal/core/check.h"
#include "pal/core/name_pattern.h"
#include "pal/core/random.h"
#include "pal/nn/linear.h"

namespace pal {

namespace {

void check(const LoraOptions& o) {
  PAL_CHECK(o.rank > 0, "lora '{}': rank must be at least 1, got {}", o.layers, o.rank);
  PAL_CHECK(std::isfinite(o.alpha) && o.alpha > 0, "lora '{}': alpha must be above 0, got {}", o.layers, o.alpha);
  PAL_CHECK(o.dropout >= 0 && o.dropout < 1, "lora '{}': dropout must be from 0 to below 1, got {}", o.layers, o.dropout);
}

std::map<std::string, LinearImpl*> linears_of(torch::nn::Module& root) {
  std::map<std::string, LinearImpl*> linears;
  for (const auto& item : root.named_modules("", /*include_self=*/false))
    if (auto* linear = item.value()->as<LinearImpl>()) linears[item.key()] = linear;
  return linears;
}

// The same elements for the same seed, on whatever device, as long as it is the same one.
torch::Tensor drop(const torch::Tensor& x, double share, uint64_t seed) {
  auto generator = at::globalContext().defaultGenerator(x.device()).clone();
  generator.set_current_seed(seed);
  return x * torch::empty_like(x).bernoulli_(1.0 - share, generator).div_(1.0 - share);
}

}  // namespace

torch::Tensor Lora::forward(const torch::Tensor& x) const {
  const auto seen = mask_seed && dropout > 0 ? drop(x, dropout, *mask_seed) : x;
  return torch::linear(torch::linear(seen, A), B) * scale;
}

torch::Tensor Lora::update() const { return B.matmul(A) * scale; }

void add_lora(torch::nn::Module& root, const std::vector<LoraOptions>& options, uint64_t seed) {
  torch::NoGradGuard no_grad;
  const auto linears = linears_of(root);
  std::vector<std::string> names;
  for (const auto& [name, linear] : linears) names.push_back(name);
  std::map<std::string, const LoraOptions*> chosen;
  for (const auto& o : options) {
    check(o);
    bool found = false;
    for (const auto& name : names)
      if (matches_pattern(o.layers, name)) chosen[name] = &o, found = true;
    PAL_CHECK(found, "lora: '{}' matches no linear layer; near it are {}", o.layers, near_patterns(o.layers, names));
  }
  for (const auto& [name, o] : chosen) linears.at(name)->add_lora(*o, stream_seed(seed, name));
}

void set_lora_masks(torch::nn::Module& root, std::optional<uint64_t> seed) {
  for (const auto& [name, linear] : linears_of(root)) {
    auto& lora = linear->lora;
    if (!lora || lora->dropout == 0) continue;
    lora->mask_seed = seed ? std::optional(stream_seed(*seed, name)) : std::nullopt;
  }
}

}  // namespace pal
