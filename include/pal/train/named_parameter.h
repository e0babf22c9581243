// A parameter and the name under which checkpoints, optimizer and stages know it.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace torch::nn {
class Module;
}

namespace pal {

// One parameter.
struct NamedParameter {
  std::string name;  // "connectors.detail.fc1.weight"
  at::Tensor value;  // shares its storage and gradient with the module's parameter
};

// All parameters of a module, in the order of their registration.
std::vector<NamedParameter> named_parameters(const torch::nn::Module& module);

// The first two parts of a name, "connectors.detail" or "llm.layers": what counts and norms are listed by.
std::string parameter_group(const std::string& name);

}  // namespace pal
