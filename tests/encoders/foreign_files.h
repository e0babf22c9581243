// Pieces of the foreign weights files that tests write.
#pragma once

#include <torch/torch.h>

#include <string>

#include "pal/core/check.h"

namespace pal {

// A number as it lies in a little-endian file.
template <typename Number>
std::string raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string values_of(const torch::Tensor& tensor) {
  const auto contiguous = tensor.contiguous();
  return {static_cast<const char*>(contiguous.data_ptr()), std::size_t(contiguous.nbytes())};
}

// What the user is told.
template <typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace pal
