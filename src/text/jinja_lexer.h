// Jinja templates as tokens: text, tags and what stands in them. White space is treated as by transformers
// (trim_blocks, lstrip_blocks, and the signs {%- -%} {%+ +%}).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pal::jinja {

enum class TokenKind { kText, kOutputBegin, kBlockBegin, kTagEnd, kName, kString, kInteger, kOperator, kEnd };

struct Token {
  TokenKind kind;
  std::string text;  // of a string: with its escapes resolved; of an operator: its characters
  std::int64_t integer = 0;
  int line = 0;
};

// Ends with a token of kind kEnd. Throws UserError with the line.
std::vector<Token> lex(std::string_view source);

// Throws UserError "chat template, line N: MESSAGE".
[[noreturn]] void refuse(int line, const std::string& message);

}  // namespace pal::jinja
