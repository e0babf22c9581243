#include "jinja_evaluator.h"

#include <utility>

#include "jinja_expression_evaluator.h"
#include "pal/core/check.h"

namespace pal::jinja {
namespace {

class Evaluator {
 public:
  explicit Evaluator(Dictionary variables) : expressions_(std::move(variables)) {}

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
        const Value value = expressions_.evaluate(*statement.value);
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
        assign(scopes_.back(), statement.targets[0], expressions_.evaluate(*statement.value));
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
      if (expressions_.evaluate(*statement.conditions[index]).truthy()) return run(statement.bodies[index]);
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
    Value value = expressions_.evaluate(*statement.value);
    const Value target = expressions_.look_up(statement.targets[0]);
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
    List items = to_list(expressions_.evaluate(*statement.value), work_);
    if (statement.conditions.empty()) return items;
    List kept;
    for (const Value& item : items) {
      scopes_.emplace_back();
      bind(statement, item);
      if (expressions_.evaluate(*statement.conditions[0]).truthy()) kept.push_back(item);
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

  ExpressionEvaluator expressions_;
  std::vector<Dictionary>& scopes_ = expressions_.scopes();
  Work& work_ = expressions_.work();
  std::string output_;
};

}  // namespace

std::string render(const Body& body, Dictionary variables) {
  return Evaluator(std::move(variables)).render(body);
}

}  // namespace pal::jinja
