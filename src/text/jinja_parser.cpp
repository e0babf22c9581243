// Statements, and the way through the tokens.
#include "jinja_parser.h"

#include <set>

#include "jinja_tokens.h"
#include "pal/core/check.h"

namespace pal::jinja {

bool TokenStream::is_name_behind(std::string_view text) const {
  return at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == TokenKind::kName &&
         tokens_[at_ + 1].text == text;
}

bool TokenStream::take_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  next();
  return true;
}

bool TokenStream::take_name(std::string_view text) {
  if (!is_name(text)) return false;
  next();
  return true;
}

void TokenStream::expect_operator(std::string_view text) {
  if (!take_operator(text)) refuse_token(fmt::format("'{}'", text));
}

void TokenStream::expect_name(std::string_view text) {
  if (!take_name(text)) refuse_token(fmt::format("'{}'", text));
}

void TokenStream::expect_tag_end() {
  if (!is(TokenKind::kTagEnd)) refuse_token("the end of the tag");
  next();
}

std::string TokenStream::expect_any_name() {
  if (!is(TokenKind::kName)) refuse_token("a name");
  return next().text;
}

void TokenStream::refuse_token(std::string_view expected) const {
  const Token& token = peek();
  const std::string found = token.kind == TokenKind::kTagEnd ? "the end of the tag"
                            : token.kind == TokenKind::kEnd  ? "the end of the template"
                                                             : "'" + token.text + "'";
  refuse(token.line, fmt::format("expected {}, got {}", expected, found));
}

TokenStream::Nesting::Nesting(TokenStream& tokens) : tokens_(tokens) {
  if (tokens.depth_ >= 200) refuse(tokens.line(), "the template is nested too deeply");
  ++tokens.depth_;
}

namespace {

using Kind = StatementKind;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(lex(source)) {}

  Body run() {
    Body body = parse_body({});
    if (!tokens_.is(TokenKind::kEnd)) {
      refuse(tokens_.line(), fmt::format("unexpected '{{% {} %}}'", end_));
    }
    return body;
  }

 private:
  static Statement make(Kind kind, int line) { return {kind, line, "", {}, nullptr, {}, {}}; }

  // Statements up to a tag named in `ends`, whose name is left in end_ (its tag is open still), or the end.
  Body parse_body(const std::set<std::string>& ends) {
    const TokenStream::Nesting nesting(tokens_);
    Body body;
    while (!tokens_.is(TokenKind::kEnd)) {
      const Token token = tokens_.next();
      if (token.kind == TokenKind::kText) {
        body.push_back(make(Kind::kText, token.line));
        body.back().text = token.text;
      } else if (token.kind == TokenKind::kOutputBegin) {
        body.push_back(make(Kind::kOutput, token.line));
        body.back().value = parse_tuple(tokens_);
        tokens_.expect_tag_end();
      } else {
        end_ = tokens_.expect_any_name();
        if (ends.contains(end_)) return body;
        parse_statement(end_, token.line, body);
      }
    }
    if (!ends.empty()) refuse(tokens_.line(), fmt::format("'{{% {} %}}' is missing", *ends.rbegin()));
    return body;
  }

  void parse_statement(const std::string& name, int line, Body& body) {
    if (name == "if") {
      body.push_back(parse_if(line));
    } else if (name == "for") {
      body.push_back(parse_for(line));
    } else if (name == "set") {
      body.push_back(parse_set(line));
    } else if (name == "generation") {  // transformers' mark of an assistant's turn; it prints what it holds
      body.push_back(make(Kind::kBlock, line));
      tokens_.expect_tag_end();
      body.back().bodies.push_back(parse_body({"endgeneration"}));
      tokens_.expect_tag_end();
    } else if ((name == "break" || name == "continue") && loops_ > 0) {
      body.push_back(make(name == "break" ? Kind::kBreak : Kind::kContinue, line));
      tokens_.expect_tag_end();
    } else {
      refuse(line, fmt::format("'{{% {} %}}' is not supported here", name));
    }
  }

  Statement parse_if(int line) {
    Statement statement = make(Kind::kIf, line);
    statement.conditions.push_back(parse_tuple(tokens_));
    tokens_.expect_tag_end();
    while (true) {
      statement.bodies.push_back(parse_body({"elif", "else", "endif"}));
      if (end_ == "elif") {
        statement.conditions.push_back(parse_tuple(tokens_));
        tokens_.expect_tag_end();
        continue;
      }
      tokens_.expect_tag_end();
      if (end_ == "endif") return statement;
      statement.bodies.push_back(parse_body({"endif"}));
      tokens_.expect_tag_end();
      return statement;
    }
  }

  Statement parse_for(int line) {
    Statement statement = make(Kind::kFor, line);
    do {
      statement.targets.push_back(parse_target());
    } while (tokens_.take_operator(","));
    tokens_.expect_name("in");
    statement.value = parse_expression(tokens_, false);
    if (tokens_.take_name("if")) statement.conditions.push_back(parse_expression(tokens_));
    if (tokens_.is_name("recursive")) refuse(line, "'recursive' is not supported");
    tokens_.expect_tag_end();
    ++loops_;
    statement.bodies.push_back(parse_body({"else", "endfor"}));
    --loops_;
    tokens_.expect_tag_end();
    if (end_ == "else") {
      statement.bodies.push_back(parse_body({"endfor"}));
      tokens_.expect_tag_end();
    }
    return statement;
  }

  std::string parse_target() {
    static const std::set<std::string> kReserved = {"true", "false", "none", "True", "False", "None", "loop",
                                                    "and",  "or",    "not",  "in",   "is",    "if",   "else"};
    const int line = tokens_.line();
    std::string name = tokens_.expect_any_name();
    if (kReserved.contains(name)) refuse(line, fmt::format("'{}' cannot be assigned to", name));
    return name;
  }

  Statement parse_set(int line) {
    Statement statement = make(Kind::kSet, line);
    statement.targets.push_back(parse_target());
    if (tokens_.take_operator(".")) {
      statement.kind = Kind::kSetField;
      statement.targets.push_back(tokens_.expect_any_name());
    } else if (tokens_.is_operator(",")) {
      refuse(line, "'set' of several names is not supported");
    } else if (tokens_.is(TokenKind::kTagEnd)) {
      return parse_set_block(std::move(statement));
    } else if (tokens_.is_operator("|")) {
      refuse(line, "a filter on a 'set' block is not supported");
    }
    tokens_.expect_operator("=");
    statement.value = parse_tuple(tokens_);
    tokens_.expect_tag_end();
    return statement;
  }

  Statement parse_set_block(Statement statement) {
    statement.kind = Kind::kSetBlock;
    tokens_.expect_tag_end();
    statement.bodies.push_back(parse_body({"endset"}));
    tokens_.expect_tag_end();
    return statement;
  }

  TokenStream tokens_;
  std::string end_;
  int loops_ = 0;
};

}  // namespace

Body parse(std::string_view source) { return Parser(source).run(); }

}  // namespace pal::jinja
