#include "pal/encoders/load_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>

#include "pal/core/check.h"
#include "pal/core/dtype.h"
#include "pal/core/logging.h"

namespace pal {

namespace {

using Problems = std::vector<std::string>;

std::string shape_text(c10::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

bool is_float(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

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
    const TensorInfo info = source.info(prefix + name);
    if (tensor.sizes() != c10::IntArrayRef(info.shape)) {
      problems.push_back(fmt::format("mis-shaped  {} {}, expected {}", prefix + name, shape_text(info.shape),
                                     shape_text(tensor.sizes())));
    }
    if (tensor.is_floating_point() && !is_float(info.dtype)) {
      problems.push_back(fmt::format("quantised   {} {} of {}, expected F32, F16 or BF16", prefix + name,
                                     shape_text(info.shape), dtype_name(info.dtype)));
    }
  }
}

// Adds what does not belong there to `problems`. Returns how many tensors each of `ignored` passes over.
std::map<std::string, std::int64_t> check_found(const std::map<std::string, torch::Tensor>& wanted,
                                                const TensorSource& source, const std::string& prefix,
                                                const std::vector<std::string>& ignored, Problems& problems) {
  std::map<std::string, std::int64_t> passed_over;
  for (const auto& name : source.names()) {
    if (name.starts_with(prefix) && wanted.contains(name.substr(prefix.size()))) continue;
    const auto found = std::find_if(ignored.begin(), ignored.end(),
                                    [&](const std::string& other) { return name.starts_with(other); });
    if (found != ignored.end()) {
      ++passed_over[*found];
    } else {
      problems.push_back(fmt::format("unexpected  {} {}", name, shape_text(source.info(name).shape)));
    }
  }
  return passed_over;
}

void log_passed_over(const TensorSource& source, const std::map<std::string, std::int64_t>& passed_over) {
  if (passed_over.empty()) return;
  std::vector<std::string> texts;
  for (const auto& [beginning, tensors] : passed_over)
    texts.push_back(fmt::format("{}* ({})", beginning, tensors));
  spdlog::info("{}: passed over, no part of the encoder: {}", source.describe(), fmt::join(texts, ", "));
}

}  // namespace

void load_weights(torch::nn::Module& module, const TensorSource& source, const std::string& prefix,
                  const std::vector<std::string>& ignored) {
  auto wanted = parameters_and_buffers(module);
  Problems problems;
  check_wanted(wanted, source, prefix, problems);
  const auto passed_over = check_found(wanted, source, prefix, ignored, problems);
  PAL_CHECK(problems.empty(), "{}: the weights do not fit, {} problems:\n  {}", source.describe(),
            problems.size(), fmt::join(problems, "\n  "));
  const torch::NoGradGuard no_gradient;
  for (auto& [name, tensor] : wanted) tensor.copy_(source.load(prefix + name));
  log_passed_over(source, passed_over);
}

}  // namespace pal
