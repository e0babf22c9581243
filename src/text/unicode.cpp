#include "unicode.h"

#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <limits>

#include "pal/core/check.h"

namespace pal {
namespace {

constexpr std::size_t kMaxText = std::numeric_limits<std::int32_t>::max() / 4;  // ICU counts in int32

void check_size(std::string_view text) {
  PAL_CHECK(text.size() <= kMaxText, "text: expected at most {} bytes, got {}", kMaxText, text.size());
}

bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct ByteAlphabet {
  std::array<char32_t, 256> symbol{};
  std::array<std::int16_t, 0x180> byte{};

  ByteAlphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned value = 0; value < 256; ++value) {
      symbol[value] = stands_for_itself(value) ? value : next++;
      byte[symbol[value]] = static_cast<std::int16_t>(value);
    }
  }
};

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  check_size(text);
  const char* bytes = text.data();
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    const std::int32_t start = at;
    UChar32 code_point;
    U8_NEXT(bytes, at, size, code_point);
    if (code_point < 0) return static_cast<std::size_t>(start);
  }
  return std::nullopt;
}

void check_utf8(std::string_view text) {
  const auto invalid = find_invalid_utf8(text);
  PAL_CHECK(!invalid, "text: expected UTF-8, got an ill-formed sequence at byte {} of {}", *invalid,
            text.size());
}

std::string replace_invalid_utf8(std::string_view bytes) {
  if (!find_invalid_utf8(bytes)) return std::string(bytes);
  std::string text;
  // ICU replaces each maximal subpart by U+FFFD (Unicode chapter 3, table 3-8).
  return icu::UnicodeString::fromUTF8(icu::StringPiece(bytes.data(), static_cast<std::int32_t>(bytes.size())))
      .toUTF8String(text);
}

char32_t next_code_point(std::string_view text, std::size_t& offset) {
  char32_t code_point;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  U8_NEXT_UNSAFE(bytes, offset, code_point);
  return code_point;
}

char32_t previous_code_point(std::string_view text, std::size_t& offset) {
  char32_t code_point;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  U8_PREV_UNSAFE(bytes, offset, code_point);
  return code_point;
}

void append_utf8(std::string& text, char32_t code_point) {
  char buffer[4];
  int size = 0;
  U8_APPEND_UNSAFE(buffer, size, code_point);
  text.append(buffer, static_cast<std::size_t>(size));
}

std::u32string to_utf32(std::string_view text) {
  std::u32string result;
  for (std::size_t at = 0; at < text.size();) result.push_back(next_code_point(text, at));
  return result;
}

std::string to_utf8(std::u32string_view text) {
  std::string result;
  for (char32_t code_point : text) append_utf8(result, code_point);
  return result;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string result;
  std::size_t done = 0;
  for (; at != std::string::npos; at = text.find(from, done)) {
    result.append(text, done, at - done).append(to);
    done = at + from.size();
  }
  text = result.append(text, done);
}

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

std::string_view strip(std::string_view text, Strip side, std::optional<std::string_view> characters) {
  const std::u32string set = characters ? to_utf32(*characters) : std::u32string();
  const auto goes = [&](char32_t c) {
    return characters ? set.find(c) != std::u32string::npos : is_python_space(c);
  };
  std::size_t begin = 0;
  std::size_t end = text.size();
  while (side != Strip::kRight && begin < end) {
    std::size_t at = begin;
    if (!goes(next_code_point(text, at))) break;
    begin = at;
  }
  while (side != Strip::kLeft && end > begin) {
    std::size_t at = end;
    if (!goes(previous_code_point(text, at))) break;
    end = at;
  }
  return text.substr(begin, end - begin);
}

std::optional<std::uint8_t> byte_of_symbol(char32_t symbol) {
  const auto& byte = byte_alphabet().byte;
  if (symbol >= byte.size() || byte[symbol] < 0) return std::nullopt;
  return static_cast<std::uint8_t>(byte[symbol]);
}

std::optional<std::string> bytes_of_token(std::string_view token) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const auto byte = byte_of_symbol(next_code_point(token, at));
    if (!byte) return std::nullopt;
    bytes.push_back(static_cast<char>(*byte));
  }
  return bytes;
}

std::string token_of_bytes(std::string_view bytes) {
  std::string token;
  for (char byte : bytes) append_utf8(token, byte_alphabet().symbol[static_cast<std::uint8_t>(byte)]);
  return token;
}

}  // namespace pal
