#include "wav_length.h"

#include <array>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "pal/core/check.h"

namespace pal {

namespace {

std::uint32_t little_endian(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | std::uint8_t(bytes[i]);
  return value;
}

bool left_open(std::uint32_t length) {
  constexpr std::uint32_t kStreamed = 0xFFFF0000;  // ffmpeg and sox write 0xFFFFFFFF less some header bytes
  constexpr std::uint32_t kSignedStreamed = 0x7FFF0000;
  return length == 0 || length >= kStreamed || (length >= kSignedStreamed && length <= 0x7FFFFFFF);
}

}  // namespace

void check_wav_length(const std::filesystem::path& path, const std::string& name) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 12> header{};
  if (!file.read(header.data(), header.size()) || std::string_view(header.data(), 4) != "RIFF") return;
  const std::uint64_t size = std::filesystem::file_size(path);
  std::uint64_t offset = header.size();
  std::array<char, 8> chunk{};
  while (file.seekg(std::streamoff(offset)) && file.read(chunk.data(), chunk.size())) {
    const std::uint32_t length = little_endian(chunk.data() + 4);
    offset += chunk.size();
    if (std::string_view(chunk.data(), 4) == "data") {
      PAL_CHECK(left_open(length) || offset + length <= size,
                "{}: the header promises {} bytes of samples, but only {} are there; is the file cut short?",
                name, length, size - offset);
      return;
    }
    offset += length + (length & 1);  // chunks begin at even offsets
  }
}

}  // namespace pal
