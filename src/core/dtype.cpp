#include "pal/core/dtype.h"

#include <array>

#include "pal/core/check.h"

namespace pal {
namespace {

struct DTypeFacts {
  DType dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<DTypeFacts, 10> kFacts{{{DType::kF64, "F64", 8},
                                             {DType::kF32, "F32", 4},
                                             {DType::kF16, "F16", 2},
                                             {DType::kBF16, "BF16", 2},
                                             {DType::kI64, "I64", 8},
                                             {DType::kI32, "I32", 4},
                                             {DType::kI16, "I16", 2},
                                             {DType::kI8, "I8", 1},
                                             {DType::kU8, "U8", 1},
                                             {DType::kBool, "BOOL", 1}}};

const DTypeFacts& facts_of(DType dtype) {
  for (const DTypeFacts& facts : kFacts) {
    if (facts.dtype == dtype) return facts;
  }
  PAL_ASSERT(false, "no such element type: {}", int(dtype));
}

}  // namespace

std::size_t dtype_size(DType dtype) { return facts_of(dtype).size; }

std::string_view dtype_name(DType dtype) { return facts_of(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeFacts& facts : kFacts) {
    if (facts.name == name) return facts.dtype;
  }
  return std::nullopt;
}

}  // namespace pal
