// GGUF's quantised blocks as float32, bit for bit what gguf-py's quants.py computes. Torch-free.
#pragma once

#include <cstddef>
#include <span>

#include "pal/core/ggml_type.h"

namespace pal {

// Whether the type's values come in blocks that dequantize() unpacks; F32, F16 and BF16 do not.
bool is_quantized(GgmlType type);

// Unpacks whole blocks of a quantised type: values must be as long as the blocks say. Any part of a tensor that starts
// and ends at a block can be unpacked by itself, so several threads can share a tensor.
void dequantize(GgmlType type, std::span<const std::byte> blocks, std::span<float> values);

}  // namespace pal
