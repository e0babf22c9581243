#include "pal/core/printable.h"

#include <fmt/format.h>

namespace pal {

namespace {

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

// U+0080 to U+009F as UTF-8: terminals take them for escape sequences of one character.
bool is_c1_control(std::string_view text, std::size_t at) {
  if (static_cast<unsigned char>(text[at]) != 0xc2 || at + 1 == text.size()) return false;
  const auto second = static_cast<unsigned char>(text[at + 1]);
  return second >= 0x80 && second < 0xa0;
}

}  // namespace

std::string printable(std::string_view text, bool keep_newlines) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (is_c1_control(text, i))
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    else if (is_control(byte) && !(byte == '\n' && keep_newlines))
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += text[i];
  }
  return shown;
}

}  // namespace pal
