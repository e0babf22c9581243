#include "pal/config/reader.h"

#include <fmt/format.h>

namespace pal {

void ConfigReader::problem(std::string_view path, const std::string& message) {
  const Node* node = &root_;
  for (const std::string& step : split_path(path)) {
    const Node* child = node->child(step);
    if (!child) break;
    node = child;
  }
  problems_.add(Place{*node, std::string(path)}, message);
}

}  // namespace pal
