// Deterministic damage to a small file: what reads files of others must survive it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "pal/core/random.h"

namespace pal {

// `bytes` with 1 to 4 bytes changed (to any value, or to one that lengths and types often trip over), or cut short,
// or with a stretch repeated.
inline std::string mutated(std::string bytes, RandomStream& random) {
  constexpr unsigned char kLikelyTrouble[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '"', '{', '[', '9', '-'};
  const auto kind = random.below(8);
  if (kind == 0) {
    bytes.resize(random.below(bytes.size()));
    return bytes;
  }
  if (kind == 1) {
    const auto from = random.below(bytes.size());
    return bytes.insert(random.below(bytes.size()), bytes.substr(from, random.below(64)));
  }
  for (auto left = 1 + random.below(4); left > 0; --left) {
    const bool likely = random.below(2) == 0;
    const auto value = likely ? kLikelyTrouble[random.below(std::size(kLikelyTrouble))] : random.below(256);
    bytes[random.below(bytes.size())] = static_cast<char>(value);
  }
  return bytes;
}

// Without the sync to disk of write_file_atomically, and by removing rather than cutting the old file (30 times faster on
// some file systems): thousands of damaged files are written.
inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace pal
