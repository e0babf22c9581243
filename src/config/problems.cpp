#include "pal/config/problems.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {
constexpr std::size_t kListed = 50;
}

void Problems::add(const Place& at, const std::string& message) {
  const std::string text = at.path.empty() ? message : fmt::format("'{}': {}", at.path, message);
  add(at.node.origin, text);
}

void Problems::raise() const {
  if (lines_.empty()) return;
  auto sorted = lines_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string message;
  for (std::size_t i = 0; i < std::min(sorted.size(), kListed); ++i) {
    message += fmt::format("{}{}: {}", i > 0 ? "\n" : "", sorted[i].first.text(), sorted[i].second);
  }
  if (sorted.size() > kListed) message += fmt::format("\n... and {} more", sorted.size() - kListed);
  throw UserError(message);
}

}  // namespace pal
