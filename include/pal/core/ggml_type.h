// The element types of GGUF tensors. Quantised ones come in blocks: so many values in so many bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pal {

// The types that pal reads, by ggml's numbers.
enum class GgmlType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
};

// A type and the size of its blocks; an unquantised value is a block of one.
struct GgmlTypeFacts {
  GgmlType type;          // the one asked for
  std::string_view name;  // ggml's: "F16", "Q4_K"
  std::size_t values;     // of a block
  std::size_t bytes;      // of a block
};

// Nothing for a type that pal does not read.
std::optional<GgmlTypeFacts> ggml_type_facts(std::uint32_t number);
inline GgmlTypeFacts ggml_type_facts(GgmlType type) { return ggml_type_facts(std::uint32_t(type)).value(); }  // of a known type

// ggml's name of a type, also of those that pal does not read; "number 99" for one that ggml does not know.
std::string ggml_type_name(std::uint32_t number);

}  // namespace pal
