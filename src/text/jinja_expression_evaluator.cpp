#include "jinja_expression_evaluator.h"

#include "pal/core/check.h"

namespace pal::jinja {

using Kind = ExpressionKind;

Value ExpressionEvaluator::look_up(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const Value* found = find(*scope, name)) return *found;
  }
  if (is_function(name)) return Function{name};
  return Undefined{name};
}

Value ExpressionEvaluator::evaluate(const Expression& expression) {
  work_.set_line(expression.line);
  work_.spend(1);
  Value value = evaluate_kind(expression);
  if (value.is_text()) work_.check_size(value.text().size());
  return value;
}

Value ExpressionEvaluator::evaluate_kind(const Expression& expression) {
  const auto part = [&](std::size_t index) { return evaluate(*expression.parts[index]); };
  switch (expression.kind) {
    case Kind::kString:
      return expression.text;
    case Kind::kInteger:
      return expression.integer;
    case Kind::kTrue:
      return true;
    case Kind::kFalse:
      return false;
    case Kind::kNone:
      return None{};
    case Kind::kName:
      return look_up(expression.text);
    case Kind::kList:
      return evaluate_list(expression);
    case Kind::kDictionary:
      return evaluate_dictionary(expression);
    case Kind::kAttribute:
      return get_attribute(part(0), expression.text, work_);
    case Kind::kSubscript: {
      const Value whole = part(0);
      return get_item(whole, part(1), work_);
    }
    case Kind::kSlice:
      return evaluate_slice(expression);
    case Kind::kCall:
      return evaluate_call(expression);
    case Kind::kFilter: {
      const Value input = part(0);
      return apply_filter(expression.text, input, evaluate_arguments(expression), work_);
    }
    case Kind::kTest: {
      const Value input = part(0);
      return apply_test(expression.text, input, evaluate_arguments(expression), work_);
    }
    case Kind::kNot:
      return !part(0).truthy();
    case Kind::kNegative:
      return calculate("-", std::int64_t{0}, part(0), work_);
    case Kind::kAnd: {
      Value left = part(0);
      return left.truthy() ? part(1) : left;
    }
    case Kind::kOr: {
      Value left = part(0);
      return left.truthy() ? left : part(1);
    }
    case Kind::kConditional:
      if (part(1).truthy()) return part(0);
      return expression.parts[2] ? part(2) : Value(Undefined{"an 'if' without 'else'"});
    case Kind::kCompare:
      return evaluate_compare(expression);
    case Kind::kArithmetic: {
      const Value left = part(0);
      return calculate(expression.text, left, part(1), work_);
    }
    case Kind::kConcatenate:
      return evaluate_concatenation(expression);
  }
  PAL_ASSERT(false, "an expression of kind {}", static_cast<int>(expression.kind));
}

Value ExpressionEvaluator::evaluate_list(const Expression& expression) {
  List list;
  for (const auto& part : expression.parts) list.push_back(evaluate(*part));
  return list;
}

Value ExpressionEvaluator::evaluate_dictionary(const Expression& expression) {
  Dictionary dictionary;
  for (std::size_t index = 0; index < expression.parts.size(); index += 2) {
    const Value key = evaluate(*expression.parts[index]);
    if (!key.is_text()) work_.refuse(fmt::format("{} as a dictionary's key", key.kind()));
    assign(dictionary, key.text(), evaluate(*expression.parts[index + 1]));
  }
  return dictionary;
}

Value ExpressionEvaluator::evaluate_slice(const Expression& expression) {
  const Value whole = evaluate(*expression.parts[0]);
  Value bounds[3] = {None{}, None{}, None{}};
  for (std::size_t index = 0; index < 3; ++index) {
    if (expression.parts[index + 1]) bounds[index] = evaluate(*expression.parts[index + 1]);
  }
  return get_slice(whole, bounds, work_);
}

Arguments ExpressionEvaluator::evaluate_arguments(const Expression& expression) {
  Arguments arguments;
  for (std::size_t index = 1; index < expression.parts.size(); ++index) {
    arguments.values.push_back(evaluate(*expression.parts[index]));
  }
  for (const auto& [name, value] : expression.named) arguments.named.emplace_back(name, evaluate(*value));
  work_.set_line(expression.line);
  return arguments;
}

Value ExpressionEvaluator::evaluate_call(const Expression& expression) {
  const Expression& callee = *expression.parts[0];
  if (callee.kind == Kind::kAttribute) {
    const Value object = evaluate(*callee.parts[0]);
    return call_method(object, callee.text, evaluate_arguments(expression), work_);
  }
  const Value function = evaluate(callee);
  if (function.is<Undefined>()) work_.refuse(fmt::format("'{}' is undefined", function.undefined_name()));
  if (!function.is<Function>()) work_.refuse(fmt::format("cannot call {}", function.kind()));
  return call_function(function.function_name(), evaluate_arguments(expression), work_);
}

// a < b < c is a < b and b < c, with b computed once.
Value ExpressionEvaluator::evaluate_compare(const Expression& expression) {
  Value left = evaluate(*expression.parts[0]);
  for (std::size_t index = 0; index < expression.operators.size(); ++index) {
    Value right = evaluate(*expression.parts[index + 1]);
    if (!compare(expression.operators[index], left, right, work_)) return false;
    left = std::move(right);
  }
  return true;
}

Value ExpressionEvaluator::evaluate_concatenation(const Expression& expression) {
  std::string text;
  for (const auto& part : expression.parts) {
    text += to_text(evaluate(*part), work_);
    work_.check_size(text.size());
  }
  return text;
}

}  // namespace pal::jinja
