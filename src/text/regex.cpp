#include "regex.h"

#include <unicode/regex.h>
#include <unicode/unistr.h>
#include <unicode/utf16.h>

#include <algorithm>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

constexpr std::int32_t kTimeLimit = 5000;  // of one match, in ICU's steps of about a millisecond
constexpr std::int32_t kStackLimit =
    256 * 1024 * 1024;  // bytes of backtracking; a long run of spaces takes 16 each

icu::UnicodeString to_utf16(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
}

// What follows "(?" in both engines with one meaning.
bool is_known_group(std::string_view rest) {
  for (std::string_view start : {":", "i:", "=", "!", "<=", "<!", ">"}) {
    if (rest.starts_with(start)) return true;
  }
  return false;
}

// Oniguruma (Ruby's syntax) and ICU differ in ^ and $ (lines or the whole text), the dot, \w, \h, \v, {n}+ (possessive or not),
// POSIX brackets, set operations and named groups. None of them is needed; a file with one is refused.
void check_dialect(std::string_view pattern, std::string_view where) {
  const auto refuse = [&](std::size_t at, std::string_view what) {
    user_error("{}: the regex '{}' uses {} at byte {}, which is not supported", where, pattern, what, at);
  };
  int set_depth = 0;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    const char next = at + 1 < pattern.size() ? pattern[at + 1] : '\0';
    if (c == '\\') {
      const bool letter = std::isalnum(static_cast<unsigned char>(next)) != 0;
      if (letter && std::string_view("sSdDpPrntfxu").find(next) == std::string_view::npos) {
        refuse(at, fmt::format("'\\{}'", next));
      }
      ++at;
      const bool braces = at + 1 < pattern.size() && pattern[at + 1] == '{';
      if (letter && braces) at = std::min(pattern.find('}', at), pattern.size());  // \p{L}
    } else if (c == '[') {
      if (set_depth > 0) refuse(at, "a set within a set");
      ++set_depth;
      if (next == '^') ++at;
      if (at + 1 < pattern.size() && pattern[at + 1] == ']') refuse(at, "an empty set");
    } else if (c == ']') {
      if (set_depth > 0) --set_depth;
    } else if (set_depth > 0) {
      if ((c == '&' || c == '-') && next == c) refuse(at, "a set operation");
    } else if (c == '^' || c == '$' || c == '.') {
      refuse(at, fmt::format("'{}'", c));
    } else if (c == '}' && next == '+') {
      refuse(at, "'}+'");
    } else if (c == '(' && next == '?' && !is_known_group(pattern.substr(at + 2))) {
      refuse(at, "a group of this kind");
    }
  }
}

// Bytes in UTF-8 of the UTF-16 units [begin, end).
std::size_t utf8_length(const icu::UnicodeString& text, std::int32_t begin, std::int32_t end) {
  const char16_t* units = text.getBuffer();
  std::size_t bytes = 0;
  for (std::int32_t at = begin; at < end; ++at) {
    const char16_t unit = units[at];
    if (unit < 0x80) {
      bytes += 1;
    } else if (unit < 0x800 || U16_IS_SURROGATE(unit)) {
      bytes += 2;  // a surrogate is half of 4 bytes
    } else {
      bytes += 3;
    }
  }
  return bytes;
}

}  // namespace

struct Regex::Compiled {
  std::unique_ptr<icu::RegexPattern> pattern;
};

Regex::Regex(std::string_view pattern, std::string_view where)
    : compiled_(std::make_unique<Compiled>()), where_(where) {
  check_dialect(pattern, where);
  UErrorCode status = U_ZERO_ERROR;
  UParseError error{};
  compiled_->pattern.reset(icu::RegexPattern::compile(to_utf16(pattern), 0, error, status));
  PAL_CHECK(U_SUCCESS(status), "{}: the regex '{}' does not compile: {} at character {}", where, pattern,
            u_errorName(status), error.offset);
}

Regex::~Regex() = default;

std::vector<Stretch> Regex::split(std::string_view text) const {
  const icu::UnicodeString units = to_utf16(text);
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->pattern->matcher(units, status));
  matcher->setTimeLimit(kTimeLimit, status);
  matcher->setStackLimit(kStackLimit, status);

  std::vector<Stretch> stretches;
  std::int32_t done = 0;  // UTF-16 units
  std::size_t done_bytes = 0;
  const auto add = [&](std::int32_t end, bool matched) {
    const std::size_t begin_bytes = done_bytes;
    done_bytes += utf8_length(units, done, end);
    done = end;
    stretches.push_back({begin_bytes, done_bytes, matched});
  };
  while (matcher->find(status)) {
    const std::int32_t begin = matcher->start(status);
    const std::int32_t end = matcher->end(status);
    // As in the reference, an empty match right behind a match does not count.
    if (begin == end && begin == done && !stretches.empty()) continue;
    if (begin > done) add(begin, false);
    add(end, true);
  }
  PAL_CHECK(U_SUCCESS(status), "{}: the regex takes too long or too much memory on a text of {} bytes ({})",
            where_, text.size(), u_errorName(status));
  if (done < units.length()) add(units.length(), false);
  return stretches;
}

std::string escape_regex(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}-&#~/ ").find(c) != std::string_view::npos) escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

}  // namespace pal
