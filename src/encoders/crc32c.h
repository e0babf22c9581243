// CRC-32C (Castagnoli), and the form in which LevelDB's tables and TensorFlow's checkpoints store it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pal {

std::uint32_t crc32c(std::span<const std::byte> bytes);

// Rotated and offset, so that the checksum of data that holds checksums stays meaningful.
inline std::uint32_t masked_crc32c(std::span<const std::byte> bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

}  // namespace pal
