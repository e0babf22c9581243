#include "pal/core/recording_name.h"

#include <algorithm>
#include <array>
#include <string>

namespace pal {

bool is_recording_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEndings = {".wav", ".flac", ".ogg", ".opus", ".mp3"};
  const auto dot = name.rfind('.');
  if (dot == name.npos) return false;
  std::string ending(name.substr(dot));
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return char(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

}  // namespace pal
