#include "pal/core/tensor_entry.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"

namespace pal {

std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

std::optional<std::uint64_t> checked_sum(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

bool is_valid_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name.empty() || name.size() > 1000 || std::ranges::any_of(name, is_control)) return false;
  try {
    (void)nlohmann::json(name).dump();  // refuses what is not UTF-8
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

std::uint64_t element_count(const std::string& file, const std::string& name,
                            std::span<const std::uint64_t> dimensions) {
  constexpr std::size_t kMostDimensions = 64;
  constexpr auto kMostElements = std::uint64_t(std::numeric_limits<std::int64_t>::max()) / 8;
  PAL_CHECK(dimensions.size() <= kMostDimensions, "{}: tensor '{}': {} dimensions, more than {}", file, name,
            dimensions.size(), kMostDimensions);
  std::uint64_t extent = 1;  // empty dimensions counted as 1: torch computes strides from it
  bool empty = false;
  for (const std::uint64_t dimension : dimensions) {
    const auto product = checked_product(extent, std::max<std::uint64_t>(dimension, 1));
    PAL_CHECK(product && *product <= kMostElements,
              "{}: tensor '{}': its shape [{}] has more elements than any memory holds", file, name,
              fmt::join(dimensions, ", "));
    extent = *product;
    empty |= dimension == 0;
  }
  return empty ? 0 : extent;
}

void check_no_overlap(const std::string& file, std::vector<const TensorEntry*> entries) {
  std::erase_if(entries, [](const TensorEntry* entry) { return entry->begin == entry->end; });
  std::ranges::sort(entries, {}, [](const TensorEntry* entry) { return entry->begin; });
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const TensorEntry &before = *entries[i - 1], &after = *entries[i];
    PAL_CHECK(before.end <= after.begin,
              "{}: tensors '{}' (bytes {} to {}) and '{}' (bytes {} to {}) overlap", file, before.name,
              before.begin, before.end, after.name, after.begin, after.end);
  }
}

}  // namespace pal
