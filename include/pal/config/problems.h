// All that is wrong in a config, collected so that the user sees it at once.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "pal/config/node.h"

namespace pal {

// The list that readers of values add to.
class Problems {
 public:
  // "ORIGIN: 'PATH': MESSAGE"
  void add(const Place& at, const std::string& message);
  // "ORIGIN: TEXT"
  void add(const Origin& origin, std::string text) { lines_.emplace_back(origin, std::move(text)); }

  std::size_t count() const { return lines_.size(); }  // found so far

  // Throws one UserError with a line for each problem, by file and line; nothing where there is none.
  void raise() const;

 private:
  std::vector<std::pair<Origin, std::string>> lines_;
};

}  // namespace pal
