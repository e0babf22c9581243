// Sizes of an encoder by the shapes of its weights, within bounds that keep a damaged file from asking for any memory.
#pragma once

#include <fmt/ranges.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/tensor_source.h"

namespace pal {

// The tensors of `source` whose names begin with `prefix`; both must outlive this.
class WeightShapes {
 public:
  WeightShapes(const TensorSource& source, const std::string& prefix) : source_(source), prefix_(prefix) {}

  bool has(const std::string& name) const { return source_.has(prefix_ + name); }

  // The size in dimension `index` of a tensor with so many dimensions. Throws UserError where there is none from 1 to `most`.
  std::int64_t size(const std::string& name, std::size_t dimensions, std::size_t index,
                    std::int64_t most) const {
    const auto shape = source_.info(prefix_ + name).shape;
    PAL_CHECK(shape.size() == dimensions && shape[index] >= 1 && shape[index] <= most,
              "{}: {}{} has shape [{}]; {} dimensions were expected, number {} of them from 1 to {}",
              source_.describe(), prefix_, name, fmt::join(shape, ", "), dimensions, index + 1, most);
    return shape[index];
  }

  const std::string& prefix() const { return prefix_; }
  std::string where() const { return source_.describe(); }  // for messages

 private:
  const TensorSource& source_;
  const std::string& prefix_;
};

// The first of `prefixes` with which the tensor `name` is there: where the encoder's tensors are in the file of a whole model or
// of a part. `what` is named in the UserError where there is none.
inline std::string find_prefix(const TensorSource& source, std::initializer_list<const char*> prefixes,
                               const std::string& name, const std::string& what) {
  std::vector<std::string> names;
  for (const char* prefix : prefixes) {
    if (source.has(prefix + name)) return prefix;
    names.push_back(prefix + name);
  }
  user_error("{}: a {} was expected, but there is no tensor {}", source.describe(), what,
             fmt::join(names, " or "));
}

}  // namespace pal
