// Where a tensor lies in a file, and the checks that every weights file must pass before its tensors are believed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// One tensor as a file's header states it.
struct TensorEntry {
  std::string name;                 // in the file
  std::vector<std::int64_t> shape;  // outermost dimension first, as torch has it
  std::uint64_t begin = 0;          // bytes from the start of the data
  std::uint64_t end = 0;            // the byte after its last
};

// `a * b` and `a + b`, or nothing where they do not fit into 64 bits:
std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b);
std::optional<std::uint64_t> checked_sum(std::uint64_t a, std::uint64_t b);

// A name that messages and checkpoints can hold: UTF-8, 1 to 1000 bytes, no control characters.
bool is_valid_name(std::string_view name);

// The number of elements of a shape. Throws UserError "FILE: tensor 'NAME': ..." where the elements, the empty
// dimensions counted as 1, would take more bytes than any memory holds, or where there are more than 64 dimensions.
std::uint64_t element_count(const std::string& file, const std::string& name,
                            std::span<const std::uint64_t> dimensions);

// Throws UserError that names both tensors where two of them share a byte.
void check_no_overlap(const std::string& file, std::vector<const TensorEntry*> entries);

}  // namespace pal
