// A Jinja template as a tree.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pal::jinja {

enum class ExpressionKind {
  kString,   // text
  kInteger,  // integer
  kTrue,
  kFalse,
  kNone,
  kName,         // text
  kList,         // parts
  kDictionary,   // parts: key, value, key, value, ...
  kAttribute,    // parts[0] . text
  kSubscript,    // parts[0] [ parts[1] ]
  kSlice,        // parts[0] [ parts[1] : parts[2] : parts[3] ], each of the three may be null
  kCall,         // parts[0] ( parts[1..], named )
  kFilter,       // parts[0] | text ( parts[1..], named )
  kTest,         // parts[0] is text ( parts[1..] )
  kNot,          // parts[0]
  kNegative,     // parts[0]
  kAnd,          // parts[0], parts[1]
  kOr,           // parts[0], parts[1]
  kConditional,  // parts[0] if parts[1] else parts[2], which may be null
  kCompare,      // parts[0] operators[0] parts[1] operators[1] parts[2] ...
  kArithmetic,   // parts[0] text parts[1]
  kConcatenate,  // parts
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  ExpressionKind kind;
  int line;
  int depth = 1;  // of the tree below, so that a hostile template cannot exhaust the stack
  std::string text;
  std::int64_t integer = 0;
  std::vector<ExpressionPtr> parts;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  std::vector<std::string> operators;
};

enum class StatementKind {
  kText,      // text
  kOutput,    // value
  kIf,        // conditions and bodies pair up; one body more: else
  kFor,       // targets in value, if conditions[0]; bodies[0], else bodies[1]
  kSet,       // targets[0] = value
  kSetField,  // targets[0].targets[1] = value
  kSetBlock,  // targets[0] = the output of bodies[0]
  kBlock,     // bodies[0] as it is ({% generation %})
  kBreak,
  kContinue,
};

struct Statement {
  StatementKind kind;
  int line;
  std::string text;
  std::vector<std::string> targets;
  ExpressionPtr value;
  std::vector<ExpressionPtr> conditions;
  std::vector<std::vector<Statement>> bodies;
};

using Body = std::vector<Statement>;

// Throws UserError that names the construct and the line where the template is wrong or uses what is not supported.
Body parse(std::string_view source);

}  // namespace pal::jinja
