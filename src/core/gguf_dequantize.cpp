#include "pal/core/gguf_dequantize.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "pal/core/check.h"

// Every function below unpacks one block. The order of the operations is that of gguf-py, so that the bits are equal;
// do not let the compiler fuse them (-ffp-contract=fast with an FMA target would; the golden test tells).
namespace pal {
namespace {

using Bytes = const std::uint8_t*;
constexpr int kSmallBlock = 32;  // values

// Exact: every half-precision number is a single-precision number.
float half_at(Bytes at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  const std::uint32_t sign = std::uint32_t(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1f, mantissa = bits & 0x3ff;
  if (exponent == 0)
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(float(mantissa) * 0x1p-24f));
  const std::uint32_t wide_exponent = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide_exponent << 23 | mantissa << 13);
}

// The fifth bits of 32 values.
std::uint32_t high_bits_at(Bytes at) {
  std::uint32_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

void unpack_q4_0(Bytes block, float* out) {
  const float scale = half_at(block);
  const Bytes quants = block + 2;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(int(quants[i] & 15) - 8);
    out[i + 16] = scale * float(int(quants[i] >> 4) - 8);
  }
}

void unpack_q4_1(Bytes block, float* out) {
  const float scale = half_at(block), offset = half_at(block + 2);
  const Bytes quants = block + 4;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(quants[i] & 15) + offset;
    out[i + 16] = scale * float(quants[i] >> 4) + offset;
  }
}

void unpack_q5_0(Bytes block, float* out) {
  const float scale = half_at(block);
  const std::uint32_t high = high_bits_at(block + 2);
  const Bytes quants = block + 6;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(int((quants[i] & 15) | (high >> i & 1) << 4) - 16);
    out[i + 16] = scale * float(int((quants[i] >> 4) | (high >> (i + 16) & 1) << 4) - 16);
  }
}

void unpack_q5_1(Bytes block, float* out) {
  const float scale = half_at(block), offset = half_at(block + 2);
  const std::uint32_t high = high_bits_at(block + 4);
  const Bytes quants = block + 8;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float((quants[i] & 15) | (high >> i & 1) << 4) + offset;
    out[i + 16] = scale * float((quants[i] >> 4) | (high >> (i + 16) & 1) << 4) + offset;
  }
}

void unpack_q8_0(Bytes block, float* out) {
  const float scale = half_at(block);
  for (int i = 0; i < kSmallBlock; ++i) out[i] = scale * float(std::int8_t(block[2 + i]));
}

// Q4_K and Q5_K: 8 groups of 32 values, each with a 6-bit scale and a 6-bit minimum packed into 12 bytes.
struct GroupScale {
  float scale;
  float minimum;
};

GroupScale group_scale(Bytes block, int group) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  const Bytes packed = block + 4;
  if (group < 4) return {scale * float(packed[group] & 63), minimum * float(packed[group + 4] & 63)};
  const int scale_bits = (packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4;
  const int minimum_bits = (packed[group + 4] >> 4) | (packed[group] >> 6) << 4;
  return {scale * float(scale_bits), minimum * float(minimum_bits)};
}

void unpack_q4_k(Bytes block, float* out) {
  const Bytes quants = block + 16;
  for (int group = 0; group < 8; ++group) {  // two groups share 32 bytes: low nibbles, then high ones
    const auto [scale, minimum] = group_scale(block, group);
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      out[group * 32 + i] = scale * float(quants[group / 2 * 32 + i] >> shift & 15) - minimum;
    }
  }
}

void unpack_q5_k(Bytes block, float* out) {
  const Bytes high = block + 16, quants = block + 48;
  for (int group = 0; group < 8; ++group) {  // as Q4_K; bit `group` of high[i] is the fifth bit
    const auto [scale, minimum] = group_scale(block, group);
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int quant = (quants[group / 2 * 32 + i] >> shift & 15) | (high[i] >> group & 1) << 4;
      out[group * 32 + i] = scale * float(quant) - minimum;
    }
  }
}

void unpack_q6_k(Bytes block, float* out) {
  const Bytes low = block, high = block + 128, scales = block + 192;
  const float scale = half_at(block + 208);
  float group_scales[16];
  for (int i = 0; i < 16; ++i) group_scales[i] = scale * float(std::int8_t(scales[i]));
  for (int half = 0; half < 2; ++half) {  // 128 values: 64 bytes of low nibbles, 32 bytes of upper bit pairs
    for (int quarter = 0; quarter < 4; ++quarter) {
      const Bytes nibbles = low + half * 64 + quarter % 2 * 32;
      for (int i = 0; i < 32; ++i) {
        const int nibble = nibbles[i] >> (quarter / 2 * 4) & 15;
        const int pair = high[half * 32 + i] >> (quarter * 2) & 3;
        const int index = half * 128 + quarter * 32 + i;
        out[index] = group_scales[index / 16] * float((nibble | pair << 4) - 32);
      }
    }
  }
}

using Unpack = void (*)(Bytes block, float* out);

Unpack unpack_of(GgmlType type) {
  switch (type) {
    case GgmlType::kQ4_0:
      return unpack_q4_0;
    case GgmlType::kQ4_1:
      return unpack_q4_1;
    case GgmlType::kQ5_0:
      return unpack_q5_0;
    case GgmlType::kQ5_1:
      return unpack_q5_1;
    case GgmlType::kQ8_0:
      return unpack_q8_0;
    case GgmlType::kQ4_K:
      return unpack_q4_k;
    case GgmlType::kQ5_K:
      return unpack_q5_k;
    case GgmlType::kQ6_K:
      return unpack_q6_k;
    case GgmlType::kF32:
    case GgmlType::kF16:
    case GgmlType::kBF16:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

bool is_quantized(GgmlType type) { return unpack_of(type) != nullptr; }

void dequantize(GgmlType type, std::span<const std::byte> blocks, std::span<float> values) {
  const Unpack unpack = unpack_of(type);
  PAL_ASSERT(unpack != nullptr, "{} is not quantised", ggml_type_facts(type).name);
  const GgmlTypeFacts facts = ggml_type_facts(type);
  const std::size_t count = blocks.size() / facts.bytes;
  PAL_ASSERT(blocks.size() == count * facts.bytes && values.size() == count * facts.values,
             "{} bytes of {} do not make {} values", blocks.size(), facts.name, values.size());
  const auto* block = reinterpret_cast<const std::uint8_t*>(blocks.data());
  for (std::size_t i = 0; i < count; ++i) unpack(block + i * facts.bytes, values.data() + i * facts.values);
}

}  // namespace pal
