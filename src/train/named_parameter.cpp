#include "pal/train/named_parameter.h"

#include <torch/torch.h>

namespace pal {

std::vector<NamedParameter> named_parameters(const torch::nn::Module& module) {
  std::vector<NamedParameter> all;
  for (const auto& item : module.named_parameters()) all.push_back({item.key(), item.value()});
  return all;
}

std::string parameter_group(const std::string& name) {
  const auto first = name.find('.');
  return first == std::string::npos ? name : name.substr(0, name.find('.', first + 1));
}

}  // namespace pal
