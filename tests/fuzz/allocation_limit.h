// What a reader may allocate for a small file: a header that claims gigabytes must not get them.
#pragma once

#include <cstddef>

namespace pal::fuzz {

// Bytes that a reader may hold at once, at most, for an input of n bytes: fixed + per_byte * n. Memory in use when the input is begun
// does not count, and memory that is mapped from a file neither.
struct Allowance {
  std::size_t fixed;
  std::size_t per_byte;
};

// As long as it lives, the program ends with a message and the stack of the allocation when more than `bytes` are in use at once.
class AllocationLimit {
 public:
  explicit AllocationLimit(std::size_t bytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;

  std::size_t most() const;  // bytes in use at once so far
};

}  // namespace pal::fuzz
