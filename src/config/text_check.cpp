#include "text_check.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "pal/core/check.h"

namespace pal {

namespace {

// The length of the UTF-8 character at the start of `text` (RFC 3629: shortest form, no surrogates); 0: there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool too_long = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool not_a_character = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return too_long || not_a_character ? 0 : length;
}

bool is_control(char c) { return static_cast<std::uint8_t>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t'; }

bool tab_indents(std::string_view text, int line) {
  if (line < 0) return false;
  for (int i = 0; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) return false;
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != text.npos;
}

}  // namespace

void check_text(std::string_view text, const std::string& source, Lines lines) {
  PAL_CHECK(text.size() <= YamlLimits::kFileBytes, "{}: {} bytes; a config may have {}", source, text.size(),
            YamlLimits::kFileBytes);
  const auto where = [&](std::size_t at) {
    if (lines == Lines::kBare) return source;
    return fmt::format("{}:{}", source, 1 + std::count(text.begin(), text.begin() + at, '\n'));
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const auto byte = static_cast<std::uint8_t>(text[at]);
    PAL_CHECK(length > 0, "{}: not UTF-8 (byte {:#04x}); save the file as UTF-8", where(at), byte);
    PAL_CHECK(!is_control(text[at]), "{}: a control character (byte {:#04x}); expected text", where(at),
              byte);
    at += length;
  }
}

std::string syntax_hint(std::string_view message, std::string_view text, int line) {
  if (tab_indents(text, line)) return "; a tab in the indentation: YAML takes only spaces there";
  static const std::vector<std::pair<std::string_view, const char*>> kHints = {
      {"bad file", "; is it nested hundreds of levels deep?"},  // yaml-cpp's word for its own limit
      {"end of sequence flow", "; is a ']' missing?"},
      {"end of map flow", "; is a '}' missing? Text that holds ': ' needs quotes"},
      {"end of map not found", "; does the line belong to the map above it?"},
      {"illegal flow end", "; is a bracket closed that was not opened?"},
      {"illegal EOF in scalar", "; is a quote not closed?"},
      {"illegal map value", "; is the indentation right? Text that holds ': ' needs quotes"},
      {"the referenced anchor", "; text that starts with '*' needs quotes"},
      {"unknown token", "; text that starts with '@', '`' or '%' needs quotes"},
  };
  for (const auto& [start, hint] : kHints) {
    if (message.starts_with(start)) return hint;
  }
  return "";
}

}  // namespace pal
