// What a template computes with: Python's values as far as chat templates need them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pal::jinja {

class Value;
using List = std::vector<Value>;
using Dictionary = std::vector<std::pair<std::string, Value>>;  // in the order of insertion

struct Undefined {
  std::string name;  // what was not there, for messages
};
struct None {};
// A function of the templates' environment, such as range.
struct Function {
  std::string name;
};

// Lists and dictionaries are shared and never change; a namespace is shared and does.
class Value {
 public:
  struct Namespace {
    Dictionary fields;
  };
  // `loop` inside a for.
  struct Loop {
    Dictionary fields;
  };

  Value() : value_(Undefined{}) {}
  Value(Undefined undefined) : value_(std::move(undefined)) {}
  Value(None none) : value_(none) {}
  Value(Function function) : value_(std::move(function)) {}
  Value(bool flag) : value_(flag) {}
  Value(std::int64_t integer) : value_(integer) {}
  Value(std::string text) : value_(std::move(text)) {}
  Value(const char* text) : value_(std::string(text)) {}
  Value(List list);
  Value(Dictionary dictionary);
  static Value make_namespace(Dictionary fields);
  static Value make_loop(Dictionary fields);

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(value_);
  }
  bool is_text() const { return is<std::string>(); }
  bool is_list() const { return is<std::shared_ptr<const List>>(); }
  bool is_dictionary() const { return is<std::shared_ptr<const Dictionary>>(); }
  bool is_namespace() const { return is<std::shared_ptr<Namespace>>(); }
  bool is_loop() const { return is<std::shared_ptr<const Loop>>(); }
  bool is_integer() const { return is<std::int64_t>() || is<bool>(); }  // as in Python, true is 1

  const std::string& text() const { return std::get<std::string>(value_); }
  std::int64_t integer() const;
  const List& list() const { return *std::get<std::shared_ptr<const List>>(value_); }
  const Dictionary& dictionary() const { return *std::get<std::shared_ptr<const Dictionary>>(value_); }
  Dictionary& fields() const { return std::get<std::shared_ptr<Namespace>>(value_)->fields; }
  const Dictionary& loop_fields() const { return std::get<std::shared_ptr<const Loop>>(value_)->fields; }
  const std::string& undefined_name() const { return std::get<Undefined>(value_).name; }
  const std::string& function_name() const { return std::get<Function>(value_).name; }

  int depth() const { return depth_; }  // 0 for what holds nothing
  const char* kind() const;             // for messages: "text", "list", ...
  bool truthy() const;

 private:
  std::variant<Undefined, None, Function, bool, std::int64_t, std::string, std::shared_ptr<const List>,
               std::shared_ptr<const Dictionary>, std::shared_ptr<Namespace>, std::shared_ptr<const Loop>>
      value_;
  int depth_ = 0;
};

const Value* find(const Dictionary& dictionary, std::string_view key);
void assign(Dictionary& dictionary, std::string_view key, Value value);

// Counts the work of a rendering, so that no template runs for ever or eats the memory. Also knows the line that is
// being evaluated, for messages.
class Work {
 public:
  void spend(std::int64_t steps);            // throws UserError when too many have been spent
  void check_size(std::size_t bytes) const;  // throws UserError where a text or list grows too large
  [[noreturn]] void refuse(const std::string& message) const;
  void set_line(int line) { line_ = line; }
  int line() const { return line_; }

 private:
  std::int64_t spent_ = 0;
  int line_ = 0;
};

// Python's ==, str() and the sequence that a for goes through; what the language cannot say is refused.
bool equal(const Value& left, const Value& right, Work& work);
std::string to_text(const Value& value, Work& work);
List to_list(const Value& value, Work& work);
// json.dumps(value, ensure_ascii=False, indent=indent); indent -1: on one line.
std::string to_json(const Value& value, int indent, Work& work);

}  // namespace pal::jinja
