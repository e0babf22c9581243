#include "pal/train/named_parameter.h"

namespace pal {

std::string parameter_group(const std::string& name) {
  const auto first = name.find('.');
  return first == std::string::npos ? name : name.substr(0, name.find('.', first + 1));
}

}  // namespace pal
