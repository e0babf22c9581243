#include "jinja_evaluator.h"

#include "jinja_functions.h"
#include "pal/core/check.h"

namespace pal::jinja {
namespace {

using Kind = ExpressionKind;

class Evaluator {
 public:
  explicit Evaluator(Dictionary variables) { scopes_.push_back(std::move(variables)); }

  std::string render(const Body& body) {
    run(body);
    return std::move(output_);
  }

 private:
  enum class Flow { kOn, kBreak, kContinue };

  Flow run(const Body& body) {
    for (const Statement& statement : body) {
      const Flow flow = run(statement);
      if (flow != Flow::kOn) return flow;
    }
    return Flow::kOn;
  }

  Flow run(const Statement& statement) {
    work_.set_line(statement.line);
    work_.spend(1);
    switch (statement.kind) {
      case StatementKind::kText:
        write(statement.text);
        return Flow::kOn;
      case StatementKind::kOutput: {
        const Value value = evaluate(*statement.value);
        work_.set_line(statement.line);
        write(to_text(value, work_));
        return Flow::kOn;
      }
      case StatementKind::kIf:
        return run_if(statement);
      case StatementKind::kFor:
        run_for(statement);
        return Flow::kOn;
      case StatementKind::kSet:
        assign(scopes_.back(), statement.targets[0], evaluate(*statement.value));
        return Flow::kOn;
      case StatementKind::kSetField:
        set_field(statement);
        return Flow::kOn;
      case StatementKind::kSetBlock:
        return run_set_block(statement);
      case StatementKind::kBlock:
        return run_scoped(statement.bodies[0]);
      case StatementKind::kBreak:
        return Flow::kBreak;
      case StatementKind::kContinue:
        return Flow::kContinue;
    }
    PAL_ASSERT(false, "a statement of kind {}", static_cast<int>(statement.kind));
  }

  void write(const std::string& text) {
    output_ += text;
    work_.check_size(output_.size());
  }

  Flow run_if(const Statement& statement) {
    for (std::size_t index = 0; index < statement.conditions.size(); ++index) {
      if (evaluate(*statement.conditions[index]).truthy()) return run(statement.bodies[index]);
    }
    const bool has_else = statement.bodies.size() > statement.conditions.size();
    return has_else ? run(statement.bodies.back()) : Flow::kOn;
  }

  Flow run_scoped(const Body& body) {
    scopes_.emplace_back();
    const Flow flow = run(body);
    scopes_.pop_back();
    return flow;
  }

  Flow run_set_block(const Statement& statement) {
    std::string outside = std::move(output_);
    output_.clear();
    const Flow flow = run_scoped(statement.bodies[0]);
    Value written(std::exchange(output_, std::move(outside)));
    if (flow == Flow::kOn) assign(scopes_.back(), statement.targets[0], std::move(written));
    return flow;
  }

  void set_field(const Statement& statement) {
    Value value = evaluate(*statement.value);
    const Value target = look_up(statement.targets[0]);
    work_.set_line(statement.line);
    if (!target.is_namespace()) {
      work_.refuse(fmt::format("'{}' is {}; only a namespace's fields can be set", statement.targets[0],
                               target.kind()));
    }
    if (value.is_namespace() || value.is_loop()) work_.refuse("a namespace or loop inside a namespace");
    assign(target.fields(), statement.targets[1], std::move(value));
  }

  // One item of the sequence to the names: for a in, or for a, b in.
  void bind(const Statement& statement, const Value& item) {
    const auto& names = statement.targets;
    if (names.size() == 1) {
      assign(scopes_.back(), names[0], item);
      return;
    }
    const List parts = to_list(item, work_);
    if (parts.size() != names.size()) {
      work_.refuse(fmt::format("an item of {} parts for {} names", parts.size(), names.size()));
    }
    for (std::size_t index = 0; index < names.size(); ++index)
      assign(scopes_.back(), names[index], parts[index]);
  }

  List filtered_items(const Statement& statement) {
    List items = to_list(evaluate(*statement.value), work_);
    if (statement.conditions.empty()) return items;
    List kept;
    for (const Value& item : items) {
      scopes_.emplace_back();
      bind(statement, item);
      if (evaluate(*statement.conditions[0]).truthy()) kept.push_back(item);
      scopes_.pop_back();
    }
    return kept;
  }

  static Value loop_at(const List& items, std::size_t index) {
    const auto at = static_cast<std::int64_t>(index);
    const auto length = static_cast<std::int64_t>(items.size());
    const auto neighbour = [&](bool there, std::size_t which, const char* name) {
      return there ? items[which] : Value(Undefined{name});
    };
    return Value::make_loop({{"index", at + 1},
                             {"index0", at},
                             {"revindex", length - at},
                             {"revindex0", length - at - 1},
                             {"first", at == 0},
                             {"last", at + 1 == length},
                             {"length", length},
                             {"previtem", neighbour(at > 0, index - 1, "loop.previtem")},
                             {"nextitem", neighbour(at + 1 < length, index + 1, "loop.nextitem")}});
  }

  void run_for(const Statement& statement) {
    const List items = filtered_items(statement);
    for (std::size_t index = 0; index < items.size(); ++index) {
      work_.spend(1);
      scopes_.emplace_back();  // what the body sets is forgotten after it
      assign(scopes_.back(), "loop", loop_at(items, index));
      bind(statement, items[index]);
      const Flow flow = run(statement.bodies[0]);
      scopes_.pop_back();
      if (flow == Flow::kBreak) break;
    }
    if (items.empty() && statement.bodies.size() > 1) run_scoped(statement.bodies[1]);
  }

  Value look_up(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const Value* found = find(*scope, name)) return *found;
    }
    if (is_function(name)) return Function{name};
    return Undefined{name};
  }

  Value evaluate(const Expression& expression) {
    work_.set_line(expression.line);
    work_.spend(1);
    Value value = evaluate_kind(expression);
    if (value.is_text()) work_.check_size(value.text().size());
    return value;
  }

  Value evaluate_kind(const Expression& expression) {
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

  Value evaluate_list(const Expression& expression) {
    List list;
    for (const auto& part : expression.parts) list.push_back(evaluate(*part));
    return list;
  }

  Value evaluate_dictionary(const Expression& expression) {
    Dictionary dictionary;
    for (std::size_t index = 0; index < expression.parts.size(); index += 2) {
      const Value key = evaluate(*expression.parts[index]);
      if (!key.is_text()) work_.refuse(fmt::format("{} as a dictionary's key", key.kind()));
      assign(dictionary, key.text(), evaluate(*expression.parts[index + 1]));
    }
    return dictionary;
  }

  Value evaluate_slice(const Expression& expression) {
    const Value whole = evaluate(*expression.parts[0]);
    Value bounds[3] = {None{}, None{}, None{}};
    for (std::size_t index = 0; index < 3; ++index) {
      if (expression.parts[index + 1]) bounds[index] = evaluate(*expression.parts[index + 1]);
    }
    return get_slice(whole, bounds, work_);
  }

  Arguments evaluate_arguments(const Expression& expression) {
    Arguments arguments;
    for (std::size_t index = 1; index < expression.parts.size(); ++index) {
      arguments.values.push_back(evaluate(*expression.parts[index]));
    }
    for (const auto& [name, value] : expression.named) arguments.named.emplace_back(name, evaluate(*value));
    work_.set_line(expression.line);
    return arguments;
  }

  Value evaluate_call(const Expression& expression) {
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
  Value evaluate_compare(const Expression& expression) {
    Value left = evaluate(*expression.parts[0]);
    for (std::size_t index = 0; index < expression.operators.size(); ++index) {
      Value right = evaluate(*expression.parts[index + 1]);
      if (!compare(expression.operators[index], left, right, work_)) return false;
      left = std::move(right);
    }
    return true;
  }

  Value evaluate_concatenation(const Expression& expression) {
    std::string text;
    for (const auto& part : expression.parts) {
      text += to_text(evaluate(*part), work_);
      work_.check_size(text.size());
    }
    return text;
  }

  std::vector<Dictionary> scopes_;
  std::string output_;
  Work work_;
};

}  // namespace

std::string render(const Body& body, Dictionary variables) {
  return Evaluator(std::move(variables)).render(body);
}

}  // namespace pal::jinja
