// The element types that weights files hold; torch-free.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pal {

// An element type: floats (BF16: bfloat16), signed integers, unsigned bytes, booleans of one byte.
enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

// Bytes of one element.
std::size_t dtype_size(DType dtype);

// The spelling of safetensors: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL.
std::string_view dtype_name(DType dtype);
// The inverse; nothing for a name that is not among these.
std::optional<DType> parse_dtype(std::string_view name);

}  // namespace pal
