#include "mp3_length.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "pal/core/mapped_file.h"

namespace pal {

namespace {

// One frame of MPEG audio, layer III. Source: ISO 11172-3 and 13818-3, 2.4.1.3; version 2.5 as all decoders
// have it.
struct Frame {
  std::size_t bytes = 0;
  std::int64_t samples = 0;
  int sample_rate = 0;
};

std::optional<Frame> read_frame(std::string_view bytes) {
  constexpr std::array<int, 16> kKilobits1 = {0,   32,  40,  48,  56,  64,  80,  96,
                                              112, 128, 160, 192, 224, 256, 320, 0};
  constexpr std::array<int, 16> kKilobits2 = {0,  8,  16, 24,  32,  40,  48,  56,
                                              64, 80, 96, 112, 128, 144, 160, 0};
  constexpr std::array<int, 4> kRates = {44100, 48000, 32000, 0};  // of version 1
  if (bytes.size() < 4) return std::nullopt;
  const auto byte = [&](std::size_t i) { return unsigned(std::uint8_t(bytes[i])); };
  const unsigned version = byte(1) >> 3 & 3,
                 layer = byte(1) >> 1 & 3;  // 3: version 1, 2: version 2, 0: version 2.5
  const int kilobits = (version == 3 ? kKilobits1 : kKilobits2)[byte(2) >> 4];
  const int rate = kRates[byte(2) >> 2 & 3];
  if (byte(0) != 0xff || byte(1) < 0xe0 || version == 1 || layer != 1 || kilobits == 0 || rate == 0)
    return std::nullopt;
  Frame frame;
  frame.samples = version == 3 ? 1152 : 576;
  frame.sample_rate = rate >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  frame.bytes = std::size_t(frame.samples / 8 * kilobits * 1000 / frame.sample_rate) + (byte(2) >> 1 & 1);
  return frame;
}

// Bytes of the ID3v2 tags that `bytes` begins with.
std::size_t skip_tags(std::string_view bytes) {
  std::size_t offset = 0;
  while (bytes.substr(offset).starts_with("ID3") && bytes.size() - offset >= 10) {
    std::size_t size = 0;
    for (std::size_t i = 6; i < 10; ++i) size = size << 7 | (std::uint8_t(bytes[offset + i]) & 0x7f);
    offset = std::min(offset + 10 + size, bytes.size());
  }
  return offset;
}

bool states_length(std::string_view frame) {
  const std::string_view head = frame.substr(0, 48);  // behind 4 bytes and at most 34 of side information
  return head.find("Xing") != head.npos || head.find("Info") != head.npos || head.find("VBRI") != head.npos;
}

// What may follow the last frame: tags, padding, a frame that was cut.
bool is_end(std::string_view rest) {
  const auto frame = read_frame(rest);
  return rest.size() < 4 || rest.starts_with("TAG") || rest.starts_with("APETAGEX") ||
         rest.starts_with("ID3") || rest.starts_with("LYRICS") || rest.find_first_not_of('\0') == rest.npos ||
         (frame && frame->bytes > rest.size());
}

}  // namespace

Mp3Length measure_mp3(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  rest.remove_prefix(skip_tags(rest));
  const auto first = read_frame(rest);
  if (!first) return {};
  if (states_length(rest.substr(0, first->bytes))) return {.stated = true, .counted = std::nullopt};
  std::int64_t samples = 0;
  for (auto frame = first; frame && frame->bytes <= rest.size() && frame->sample_rate == first->sample_rate;
       frame = read_frame(rest)) {
    samples += frame->samples;
    rest.remove_prefix(frame->bytes);
  }
  return {.stated = false, .counted = is_end(rest) ? std::optional(samples) : std::nullopt};
}

}  // namespace pal
