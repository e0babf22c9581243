// Expressions by recursive descent; the order of the functions is that of Jinja's precedences.
#include <algorithm>
#include <array>
#include <set>

#include "jinja_functions.h"
#include "jinja_tokens.h"
#include "pal/core/check.h"

namespace pal::jinja {
namespace {

constexpr int kDeepest = 200;

using Kind = ExpressionKind;

ExpressionPtr make(Kind kind, int line, std::string text = "") {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->text = std::move(text);
  return node;
}

void add_depth(Expression& node, const ExpressionPtr& part) {
  if (!part) return;
  node.depth = std::max(node.depth, part->depth + 1);
  if (node.depth > kDeepest) refuse(node.line, "an expression is nested too deeply");
}

void add_part(Expression& node, ExpressionPtr part) {
  add_depth(node, part);
  node.parts.push_back(std::move(part));
}

template <typename... Parts>
ExpressionPtr make_from(Kind kind, int line, std::string text, Parts... parts) {
  auto node = make(kind, line, std::move(text));
  (add_part(*node, std::move(parts)), ...);
  return node;
}

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExpressionPtr parse_conditional() {
    const TokenStream::Nesting nesting(tokens_);
    ExpressionPtr value = parse_or();
    while (tokens_.is_name("if")) {
      const int line = tokens_.next().line;
      ExpressionPtr condition = parse_or();
      ExpressionPtr otherwise = tokens_.take_name("else") ? parse_conditional() : nullptr;
      value = make_from(Kind::kConditional, line, "", std::move(value), std::move(condition),
                        std::move(otherwise));
    }
    return value;
  }

  ExpressionPtr parse_or() {
    ExpressionPtr left = parse_and();
    while (tokens_.is_name("or")) {
      const int line = tokens_.next().line;
      left = make_from(Kind::kOr, line, "", std::move(left), parse_and());
    }
    return left;
  }

 private:
  ExpressionPtr parse_and() {
    ExpressionPtr left = parse_not();
    while (tokens_.is_name("and")) {
      const int line = tokens_.next().line;
      left = make_from(Kind::kAnd, line, "", std::move(left), parse_not());
    }
    return left;
  }

  ExpressionPtr parse_not() {
    if (!tokens_.is_name("not") || tokens_.is_name_behind("in")) return parse_compare();
    const TokenStream::Nesting nesting(tokens_);
    const int line = tokens_.next().line;
    return make_from(Kind::kNot, line, "", parse_not());
  }

  std::string take_comparison() {
    for (std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (tokens_.take_operator(symbol)) return std::string(symbol);
    }
    if (tokens_.take_name("in")) return "in";
    if (tokens_.is_name("not") && tokens_.is_name_behind("in")) {
      tokens_.next();
      tokens_.next();
      return "not in";
    }
    return "";
  }

  ExpressionPtr parse_compare() {
    const int line = tokens_.line();
    ExpressionPtr first = parse_sum();
    std::string symbol = take_comparison();
    if (symbol.empty()) return first;
    ExpressionPtr node = make_from(Kind::kCompare, line, "", std::move(first));
    for (; !symbol.empty(); symbol = take_comparison()) {
      node->operators.push_back(symbol);
      add_part(*node, parse_sum());
    }
    return node;
  }

  template <std::size_t N, typename Next>
  ExpressionPtr parse_arithmetic(const std::array<std::string_view, N>& symbols, Next next) {
    ExpressionPtr left = (this->*next)();
    while (true) {
      const int line = tokens_.line();
      const auto symbol = std::find_if(symbols.begin(), symbols.end(),
                                       [&](std::string_view one) { return tokens_.take_operator(one); });
      if (symbol == symbols.end()) return left;
      left = make_from(Kind::kArithmetic, line, std::string(*symbol), std::move(left), (this->*next)());
    }
  }

  ExpressionPtr parse_sum() {
    return parse_arithmetic(std::array<std::string_view, 2>{"+", "-"},
                            &ExpressionParser::parse_concatenation);
  }

  ExpressionPtr parse_concatenation() {
    const int line = tokens_.line();
    ExpressionPtr first = parse_product();
    if (!tokens_.is_operator("~")) return first;
    ExpressionPtr node = make_from(Kind::kConcatenate, line, "", std::move(first));
    while (tokens_.take_operator("~")) add_part(*node, parse_product());
    return node;
  }

  ExpressionPtr parse_product() {
    ExpressionPtr product = parse_arithmetic(std::array<std::string_view, 3>{"*", "//", "%"},
                                             &ExpressionParser::parse_signed_filtered);
    if (tokens_.is_operator("/") || tokens_.is_operator("**")) {
      refuse(tokens_.line(), fmt::format("the operator '{}' is not supported", tokens_.peek().text));
    }
    return product;
  }

  ExpressionPtr parse_signed_filtered() { return parse_signed(true); }

  ExpressionPtr parse_signed(bool with_filters) {
    const TokenStream::Nesting nesting(tokens_);
    const int line = tokens_.line();
    ExpressionPtr node;
    if (tokens_.take_operator("-")) {
      node = make_from(Kind::kNegative, line, "", parse_signed(false));
    } else if (tokens_.is_operator("+")) {
      refuse(line, "the sign '+' is not supported");
    } else {
      node = parse_postfix(parse_primary());
    }
    return with_filters ? parse_filters(std::move(node)) : std::move(node);
  }

  ExpressionPtr parse_primary() {
    const Token token = tokens_.peek();
    if (token.kind == TokenKind::kName) {
      tokens_.next();
      return parse_name(token);
    }
    if (token.kind == TokenKind::kInteger) {
      tokens_.next();
      ExpressionPtr node = make(Kind::kInteger, token.line);
      node->integer = token.integer;
      return node;
    }
    if (token.kind == TokenKind::kString) {
      ExpressionPtr node = make(Kind::kString, token.line);
      while (tokens_.is(TokenKind::kString)) node->text += tokens_.next().text;  // "a" "b" is "ab"
      return node;
    }
    if (tokens_.take_operator("(")) {
      ExpressionPtr node = tokens_.is_operator(")") ? make(Kind::kList, token.line) : parse_tuple(tokens_);
      tokens_.expect_operator(")");
      return node;
    }
    if (tokens_.take_operator("[")) return parse_list(token.line);
    if (tokens_.take_operator("{")) return parse_dictionary(token.line);
    tokens_.refuse_token("an expression");
  }

  static ExpressionPtr parse_name(const Token& token) {
    static const std::set<std::string> kReserved = {"and", "or", "not", "in", "is", "if", "else"};
    if (kReserved.contains(token.text)) refuse(token.line, fmt::format("unexpected '{}'", token.text));
    if (token.text == "true" || token.text == "True") return make(Kind::kTrue, token.line);
    if (token.text == "false" || token.text == "False") return make(Kind::kFalse, token.line);
    if (token.text == "none" || token.text == "None") return make(Kind::kNone, token.line);
    return make(Kind::kName, token.line, token.text);
  }

  ExpressionPtr parse_list(int line) {
    ExpressionPtr node = make(Kind::kList, line);
    while (!tokens_.is_operator("]")) {
      add_part(*node, parse_conditional());
      if (!tokens_.take_operator(",")) break;
    }
    tokens_.expect_operator("]");
    return node;
  }

  ExpressionPtr parse_dictionary(int line) {
    ExpressionPtr node = make(Kind::kDictionary, line);
    while (!tokens_.is_operator("}")) {
      add_part(*node, parse_conditional());
      tokens_.expect_operator(":");
      add_part(*node, parse_conditional());
      if (!tokens_.take_operator(",")) break;
    }
    tokens_.expect_operator("}");
    return node;
  }

  ExpressionPtr parse_postfix(ExpressionPtr node) {
    while (true) {
      const int line = tokens_.line();
      if (tokens_.take_operator(".")) {
        if (tokens_.is(TokenKind::kInteger)) refuse(line, "'.0' is not supported; write [0]");
        node = make_from(Kind::kAttribute, line, tokens_.expect_any_name(), std::move(node));
      } else if (tokens_.take_operator("[")) {
        node = parse_subscript(std::move(node), line);
      } else if (tokens_.is_operator("(")) {
        ExpressionPtr call = make_from(Kind::kCall, line, "", std::move(node));
        parse_arguments(*call);
        node = std::move(call);
      } else {
        return node;
      }
    }
  }

  ExpressionPtr parse_subscript(ExpressionPtr node, int line) {
    std::vector<ExpressionPtr> bounds(1);
    if (!tokens_.is_operator(":")) bounds[0] = parse_conditional();
    while (bounds.size() < 3 && tokens_.take_operator(":")) {
      const bool left_out = tokens_.is_operator(":") || tokens_.is_operator("]");
      bounds.push_back(left_out ? nullptr : parse_conditional());
    }
    tokens_.expect_operator("]");
    if (bounds.size() == 1)
      return make_from(Kind::kSubscript, line, "", std::move(node), std::move(bounds[0]));
    bounds.resize(3);
    return make_from(Kind::kSlice, line, "", std::move(node), std::move(bounds[0]), std::move(bounds[1]),
                     std::move(bounds[2]));
  }

  // "(" a, b, name=c ")" into parts and named.
  void parse_arguments(Expression& call) {
    tokens_.expect_operator("(");
    while (!tokens_.is_operator(")")) {
      if (tokens_.is_operator("*") || tokens_.is_operator("**"))
        refuse(tokens_.line(), "'*' arguments are not supported");
      ExpressionPtr argument = parse_conditional();
      if (argument->kind == Kind::kName && tokens_.take_operator("=")) {
        ExpressionPtr value = parse_conditional();
        add_depth(call, value);
        call.named.emplace_back(argument->text, std::move(value));
      } else {
        if (!call.named.empty()) refuse(call.line, "an argument without a name after one with a name");
        add_part(call, std::move(argument));
      }
      if (!tokens_.take_operator(",")) break;
    }
    tokens_.expect_operator(")");
  }

  ExpressionPtr parse_filters(ExpressionPtr node) {
    while (true) {
      const int line = tokens_.line();
      if (tokens_.take_operator("|")) {
        node = make_from(Kind::kFilter, line, tokens_.expect_any_name(), std::move(node));
        if (!is_filter(node->text)) refuse(line, fmt::format("the filter '{}' is not supported", node->text));
        if (tokens_.is_operator("(")) parse_arguments(*node);
      } else if (tokens_.take_name("is")) {
        node = parse_test(std::move(node), line);
      } else if (tokens_.is_operator("(")) {
        refuse(line, "a call of what a filter gives is not supported");
      } else {
        return node;
      }
    }
  }

  ExpressionPtr parse_test(ExpressionPtr node, int line) {
    const bool negated = tokens_.take_name("not");
    ExpressionPtr test = make_from(Kind::kTest, line, tokens_.expect_any_name(), std::move(node));
    if (!is_test(test->text)) refuse(line, fmt::format("the test '{}' is not supported", test->text));
    const bool ends = tokens_.is_name("else") || tokens_.is_name("or") || tokens_.is_name("and");
    const bool name_follows = tokens_.is(TokenKind::kName) && !ends;
    if (tokens_.is_operator("(")) {
      parse_arguments(*test);
    } else if (name_follows || tokens_.is(TokenKind::kString) || tokens_.is(TokenKind::kInteger) ||
               tokens_.is_operator("[") || tokens_.is_operator("{")) {
      add_part(*test, parse_postfix(parse_primary()));
    }
    return negated ? make_from(Kind::kNot, line, "", std::move(test)) : std::move(test);
  }

  TokenStream& tokens_;
};

}  // namespace

ExpressionPtr parse_expression(TokenStream& tokens, bool conditional) {
  ExpressionParser parser(tokens);
  return conditional ? parser.parse_conditional() : parser.parse_or();
}

ExpressionPtr parse_tuple(TokenStream& tokens) {
  const int line = tokens.line();
  ExpressionPtr first = parse_expression(tokens);
  if (!tokens.is_operator(",")) return first;
  ExpressionPtr node = make_from(Kind::kList, line, "", std::move(first));
  while (tokens.take_operator(",")) {
    if (tokens.is_operator(")") || tokens.is(TokenKind::kTagEnd)) break;
    add_part(*node, parse_expression(tokens));
  }
  return node;
}

}  // namespace pal::jinja
