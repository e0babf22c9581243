#include "pal/core/gguf_dequantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "pal/core/safetensors.h"

namespace pal {
namespace {

constexpr GgmlType kQuantized[] = {GgmlType::kQ4_0, GgmlType::kQ4_1, GgmlType::kQ5_0, GgmlType::kQ5_1,
                                   GgmlType::kQ8_0, GgmlType::kQ4_K, GgmlType::kQ5_K, GgmlType::kQ6_K};

// The golden file holds 4 rows of 256 values, quantised and dequantised by gguf-py 0.19.0 (gguf/quants.py).
TEST(GgufDequantize, EqualsGgufPyBitForBit) {
  const SafetensorsFile golden(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors");
  for (const GgmlType type : kQuantized) {
    const std::string stem = "gguf_" + std::string(ggml_type_facts(type).name);
    const auto expected = golden.bytes(golden.entry(stem + "_deq"));
    std::vector<float> values(4 * 256);
    ASSERT_EQ(expected.size(), values.size() * sizeof(float));
    dequantize(type, golden.bytes(golden.entry(stem + "_bytes")), values);
    EXPECT_EQ(std::memcmp(values.data(), expected.data(), expected.size()), 0) << stem;
  }
}

// Scales of the golden blocks are ordinary numbers; here are the others: d = bits, all quants 1.
TEST(GgufDequantize, HalfPrecisionScalesAreExact) {
  const std::pair<std::uint16_t, float> cases[] = {
      {0x0000, 0.0f},     {0x8000, -0.0f},      {0x0001, 0x1p-24f}, {0x83ff, -0x3ffp-24f}, {0x0400, 0x1p-14f},
      {0x7bff, 65504.0f}, {0x3c01, 0x1.004p0f}, {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
  for (const auto& [bits, expected] : cases) {
    std::vector<std::byte> block(34, std::byte{1});
    std::memcpy(block.data(), &bits, sizeof bits);
    std::vector<float> values(32);
    dequantize(GgmlType::kQ8_0, block, values);
    for (const float value : values)
      EXPECT_EQ(std::memcmp(&value, &expected, sizeof value), 0) << std::hex << bits;
  }
}

TEST(GgufDequantize, OnlyWholeBlocksOfQuantisedTypesAreTaken) {
  std::vector<std::byte> bytes(34);
  std::vector<float> values(32);
  EXPECT_NO_THROW(dequantize(GgmlType::kQ8_0, bytes, values));
  EXPECT_THROW(dequantize(GgmlType::kQ8_0, std::span(bytes).first(33), values), std::logic_error);
  EXPECT_THROW(dequantize(GgmlType::kQ8_0, bytes, std::span(values).first(31)), std::logic_error);
  EXPECT_THROW(dequantize(GgmlType::kF16, bytes, values), std::logic_error);
}

}  // namespace
}  // namespace pal
