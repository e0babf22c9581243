#include "jinja_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// As Jinja does before anything else: one kind of line end, and no line end at the end of the template.
std::string normalize_lines(std::string_view source) {
  std::string text;
  for (std::size_t at = 0; at < source.size(); ++at) {
    if (source[at] == '\r') {
      if (at + 1 < source.size() && source[at + 1] == '\n') ++at;
      text.push_back('\n');
    } else {
      text.push_back(source[at]);
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

char32_t hexadecimal(std::string_view digits, std::size_t count, int line) {
  std::uint32_t code_point = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code_point, 16);
  const bool whole = digits.size() == count && error == std::errc() && stop == digits.data() + digits.size();
  if (!whole || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
    refuse(line, fmt::format("'{}' is not the number of a character", digits));
  }
  return code_point;
}

// Python's escapes resolved.
std::string resolve_escapes(std::string_view text, int line) {
  static constexpr std::string_view kNames = "ntrabfv\\'\"\n";
  static constexpr std::array<const char*, 11> kMeanings = {"\n", "\t", "\r", "\a", "\b", "\f",
                                                            "\v", "\\", "'",  "\"", ""};
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      result.push_back(text[at]);
      continue;
    }
    const char name = text[++at];
    const std::size_t known = kNames.find(name);
    if (known != std::string_view::npos) {
      result += kMeanings[known];
    } else if (name == 'x' || name == 'u' || name == 'U') {
      const std::size_t digits = name == 'x' ? 2 : name == 'u' ? 4 : 8;
      append_utf8(result, hexadecimal(text.substr(at + 1, digits), digits, line));
      at += digits;
    } else if (name == 'N' || is_digit(name)) {
      refuse(line, fmt::format("the escape '\\{}' is not supported", name));
    } else {
      result.push_back('\\');
      result.push_back(name);
    }
  }
  return result;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_lines(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      const std::size_t tag = find_tag();
      if (tag == std::string::npos) {
        add_text(rest());
        at_ = source_.size();
        break;
      }
      lex_tag(tag);
    }
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool ahead(std::string_view text) const { return rest().starts_with(text); }

  void add(TokenKind kind, std::string text, std::int64_t integer = 0) {
    tokens_.push_back({kind, std::move(text), integer, line_});
  }

  void add_text(std::string_view text) {
    if (!text.empty()) add(TokenKind::kText, std::string(text));
  }

  void advance_to(std::size_t end) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }

  void skip_space() {
    while (at_ < source_.size()) {
      std::size_t behind = at_;
      if (!is_python_space(next_code_point(source_, behind))) return;
      advance_to(behind);
    }
  }

  std::size_t find_tag() const {
    for (std::size_t at = at_; at + 1 < source_.size(); ++at) {
      if (source_[at] == '{' && std::string_view("{%#").find(source_[at + 1]) != std::string_view::npos)
        return at;
    }
    return std::string::npos;
  }

  // The text before a tag and the tag itself.
  void lex_tag(std::size_t tag) {
    std::string_view text = rest().substr(0, tag - at_);
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign == '-') {
      text = strip(text, Strip::kRight);
    } else if (sign != '+' && kind != '{') {
      text = strip_line_start(text);
    }
    add_text(text);
    advance_to(tag + (sign == '-' || sign == '+' ? 3 : 2));
    if (kind == '#') {
      skip_comment();
    } else {
      add(kind == '{' ? TokenKind::kOutputBegin : TokenKind::kBlockBegin, "");
      lex_inside(kind == '{');
    }
    after_line_end_ = source_[at_ - 1] == '\n';
  }

  // lstrip_blocks: white space between the line's start and the tag goes.
  std::string_view strip_line_start(std::string_view text) const {
    const std::size_t line_end = text.rfind('\n');
    const std::size_t start = line_end == std::string_view::npos ? 0 : line_end + 1;
    const bool at_line_start = start > 0 || after_line_end_;
    return at_line_start && strip(text.substr(start), Strip::kBoth).empty() ? text.substr(0, start) : text;
  }

  void skip_comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) refuse(line_, "the comment '{#' has no '#}'");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    advance_to(end + 2);
    end_tag(sign, true);
  }

  // White space behind the end of a tag. trim_blocks: one line end after a block or comment goes.
  void end_tag(char sign, bool trim_line_end) {
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && trim_line_end && ahead("\n")) {
      advance_to(at_ + 1);
    }
  }

  // Takes the end of the tag where it stands next.
  bool lex_tag_end(bool output) {
    if (!open_.empty()) return false;
    const std::string_view end = output ? "}}" : "%}";
    const bool signed_end = at_ + 1 < source_.size() && rest().substr(1).starts_with(end) &&
                            (source_[at_] == '-' || (source_[at_] == '+' && !output));
    if (!signed_end && !ahead(end)) return false;
    const char sign = signed_end ? source_[at_] : '\0';
    add(TokenKind::kTagEnd, "");
    advance_to(at_ + end.size() + (signed_end ? 1 : 0));
    end_tag(sign, !output);
    return true;
  }

  void lex_inside(bool output) {
    const int first_line = line_;
    open_.clear();
    while (true) {
      skip_space();
      if (at_ >= source_.size()) {
        refuse(first_line, output ? "the tag '{{' has no '}}'" : "the tag '{%' has no '%}'");
      }
      if (lex_tag_end(output)) return;
      const char c = source_[at_];
      if (is_name_start(c)) {
        lex_name();
      } else if (is_digit(c)) {
        lex_integer();
      } else if (c == '\'' || c == '"') {
        lex_string(c);
      } else {
        lex_operator();
      }
    }
  }

  void lex_name() {
    std::size_t end = at_;
    while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
    add(TokenKind::kName, source_.substr(at_, end - at_));
    advance_to(end);
  }

  void lex_integer() {
    std::size_t end = at_;
    while (end < source_.size() && is_digit(source_[end])) ++end;
    const std::string digits = source_.substr(at_, end - at_);
    const char next = end < source_.size() ? source_[end] : '\0';
    const bool fraction = next == '.' && end + 1 < source_.size() && is_digit(source_[end + 1]);
    if (fraction || is_name_start(next))
      refuse(line_, fmt::format("numbers such as '{}{}' are not supported", digits, next));
    if (digits.size() > 1 && digits.front() == '0')
      refuse(line_, fmt::format("'{}' is not a number", digits));
    std::int64_t integer = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), integer);
    if (error != std::errc()) refuse(line_, fmt::format("the number {} is too large", digits));
    add(TokenKind::kInteger, digits, integer);
    advance_to(end);
  }

  void lex_string(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) refuse(line_, "a text has no closing quote");
    add(TokenKind::kString, resolve_escapes(std::string_view(source_).substr(at_ + 1, end - at_ - 1), line_));
    advance_to(end + 1);
  }

  void lex_operator() {
    static constexpr std::array<std::string_view, 25> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};
    for (std::string_view symbol : kOperators) {
      if (!ahead(symbol)) continue;
      if (symbol == "(" || symbol == "[" || symbol == "{")
        open_.push_back(symbol == "(" ? ')' : symbol == "[" ? ']' : '}');
      if (symbol == ")" || symbol == "]" || symbol == "}") {
        if (open_.empty() || open_.back() != symbol.front())
          refuse(line_, fmt::format("unexpected '{}'", symbol));
        open_.pop_back();
      }
      add(TokenKind::kOperator, std::string(symbol));
      advance_to(at_ + symbol.size());
      return;
    }
    std::size_t behind = at_;
    next_code_point(source_, behind);
    refuse(line_, fmt::format("unexpected character '{}'", source_.substr(at_, behind - at_)));
  }

  const std::string source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool after_line_end_ = true;  // the tag before ended a line, or there is none
  std::string open_;            // the closing brackets that are due
};

}  // namespace

void refuse(int line, const std::string& message) { user_error("chat template, line {}: {}", line, message); }

std::vector<Token> lex(std::string_view source) {
  constexpr std::size_t kLargest = std::size_t{1} << 20;
  PAL_CHECK(source.size() <= kLargest, "chat template: expected at most {} bytes, got {}", kLargest,
            source.size());
  PAL_CHECK(!find_invalid_utf8(source), "chat template: not UTF-8");
  return Lexer(source).run();
}

}  // namespace pal::jinja
