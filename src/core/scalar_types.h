// Element types as torch has them.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "pal/core/dtype.h"

namespace pal {

torch::ScalarType scalar_type(DType dtype);
std::optional<DType> dtype_of(torch::ScalarType type);  // nothing for what weights files do not hold

// Throws UserError unless all bytes are 0 or 1: any other would be undefined behaviour in C++.
void check_truth_values(std::span<const std::byte> bytes, const std::string& file, const std::string& tensor);

}  // namespace pal
