#include "scalar_types.h"

#include <algorithm>
#include <utility>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::pair<DType, torch::ScalarType> kScalarTypes[] = {
    {DType::kF64, torch::kFloat64},   {DType::kF32, torch::kFloat32}, {DType::kF16, torch::kFloat16},
    {DType::kBF16, torch::kBFloat16}, {DType::kI64, torch::kInt64},   {DType::kI32, torch::kInt32},
    {DType::kI16, torch::kInt16},     {DType::kI8, torch::kInt8},     {DType::kU8, torch::kUInt8},
    {DType::kBool, torch::kBool}};

}  // namespace

torch::ScalarType scalar_type(DType dtype) {
  return std::ranges::find(kScalarTypes, dtype, [](const auto& pair) { return pair.first; })->second;
}

std::optional<DType> dtype_of(torch::ScalarType type) {
  const auto* found = std::ranges::find(kScalarTypes, type, [](const auto& pair) { return pair.second; });
  return found == std::end(kScalarTypes) ? std::nullopt : std::optional(found->first);
}

void check_truth_values(std::span<const std::byte> bytes, const std::string& file,
                        const std::string& tensor) {
  PAL_CHECK(std::ranges::all_of(bytes, [](std::byte byte) { return byte <= std::byte{1}; }),
            "{}: tensor '{}': truth values must be 0 or 1", file, tensor);
}

}  // namespace pal
