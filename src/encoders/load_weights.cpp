#include "pal/encoders/load_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "pal/core/check.h"

namespace pal {

namespace {

using Problems = std::vector<std::string>;

std::string shape_text(c10::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::map<std::string, torch::Tensor> parameters_and_buffers(const torch::nn::Module& module) {
  std::map<std::string, torch::Tensor> all;
  for (const auto& item : module.named_parameters()) all.emplace(item.key(), item.value());
  for (const auto& item : module.named_buffers()) all.emplace(item.key(), item.value());
  return all;
}

void check_wanted(const std::map<std::string, torch::Tensor>& wanted, const TensorSource& source,
                  const std::string& prefix, Problems& problems) {
  for (const auto& [name, tensor] : wanted) {
    if (!source.has(prefix + name)) {
      problems.push_back(fmt::format("missing     {} {}", prefix + name, shape_text(tensor.sizes())));
      continue;
    }
    const auto shape = source.info(prefix + name).shape;
    if (tensor.sizes() != c10::IntArrayRef(shape)) {
      problems.push_back(fmt::format("mis-shaped  {} {}, expected {}", prefix + name, shape_text(shape),
                                     shape_text(tensor.sizes())));
    }
  }
}

void check_found(const std::map<std::string, torch::Tensor>& wanted, const TensorSource& source,
                 const std::string& prefix, const std::vector<std::string>& ignored, Problems& problems) {
  for (const auto& name : source.names()) {
    const auto begins_name = [&](const std::string& other) { return name.starts_with(other); };
    if (std::any_of(ignored.begin(), ignored.end(), begins_name)) continue;
    if (name.starts_with(prefix) && wanted.contains(name.substr(prefix.size()))) continue;
    problems.push_back(fmt::format("unexpected  {} {}", name, shape_text(source.info(name).shape)));
  }
}

}  // namespace

void load_weights(torch::nn::Module& module, const TensorSource& source, const std::string& prefix,
                  const std::vector<std::string>& ignored) {
  auto wanted = parameters_and_buffers(module);
  Problems problems;
  check_wanted(wanted, source, prefix, problems);
  check_found(wanted, source, prefix, ignored, problems);
  PAL_CHECK(problems.empty(), "{}: the weights do not fit, {} problems:\n  {}", source.describe(),
            problems.size(), fmt::join(problems, "\n  "));
  const torch::NoGradGuard no_gradient;
  for (auto& [name, tensor] : wanted) tensor.copy_(source.load(prefix + name));
}

}  // namespace pal
