// The parsers' way through the tokens.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja_lexer.h"
#include "jinja_parser.h"

namespace pal::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek() const { return tokens_[at_]; }
  const Token& next() { return tokens_[peek().kind == TokenKind::kEnd ? at_ : at_++]; }
  int line() const { return peek().line; }

  bool is(TokenKind kind) const { return peek().kind == kind; }
  bool is_operator(std::string_view text) const { return is(TokenKind::kOperator) && peek().text == text; }
  bool is_name(std::string_view text) const { return is(TokenKind::kName) && peek().text == text; }
  bool is_name_behind(std::string_view text) const;  // the token after the next one
  bool take_operator(std::string_view text);
  bool take_name(std::string_view text);
  void expect_operator(std::string_view text);
  void expect_name(std::string_view text);
  void expect_tag_end();
  std::string expect_any_name();
  [[noreturn]] void refuse_token(std::string_view expected) const;

  // Held while something is parsed that may contain itself; refuses what is nested too deeply for the stack.
  class Nesting {
   public:
    explicit Nesting(TokenStream& tokens);
    ~Nesting() { --tokens_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    TokenStream& tokens_;
  };

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// An expression; `conditional`: may be "a if b else c".
ExpressionPtr parse_expression(TokenStream& tokens, bool conditional = true);
// A or A, B, ...: the latter is a list.
ExpressionPtr parse_tuple(TokenStream& tokens);

}  // namespace pal::jinja
