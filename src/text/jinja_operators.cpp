// What operators and tests do to values.
#include <algorithm>
#include <map>

#include "jinja_arguments.h"
#include "pal/core/check.h"

namespace pal::jinja {
namespace {

[[noreturn]] void refuse_undefined(const Value& value, Work& work) {
  work.refuse(fmt::format("'{}' is undefined", value.undefined_name()));
}

// The place that Python means by an index; nothing where it is outside.
std::optional<std::size_t> place(std::int64_t index, std::size_t size) {
  const auto length = static_cast<std::int64_t>(size);
  if (index < -length || index >= length) return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + length : index);
}

Value get_at(const Value& value, std::int64_t index, Work& work) {
  const Value missing = Undefined{fmt::format("item {}", index)};
  if (value.is_list()) {
    const auto at = place(index, value.list().size());
    return at ? value.list()[*at] : missing;
  }
  if (value.is_text()) {
    work.spend(static_cast<std::int64_t>(value.text().size() / 64));
    const std::u32string text = to_utf32(value.text());
    const auto at = place(index, text.size());
    return at ? Value(to_utf8({&text[*at], 1})) : missing;
  }
  return missing;
}

bool contains(const Value& whole, const Value& part, Work& work) {
  if (whole.is<Undefined>()) return false;
  if (whole.is_text()) {
    if (!part.is_text()) work.refuse(fmt::format("'in' a text expects a text, got {}", part.kind()));
    work.spend(static_cast<std::int64_t>(whole.text().size() / 64));
    return whole.text().find(part.text()) != std::string::npos;
  }
  if (whole.is_list()) {
    return std::any_of(whole.list().begin(), whole.list().end(),
                       [&](const Value& item) { return equal(item, part, work); });
  }
  if (whole.is_dictionary()) return part.is_text() && find(whole.dictionary(), part.text()) != nullptr;
  work.refuse(fmt::format("'in' {}", whole.kind()));
}

std::int64_t calculate_integers(const std::string& symbol, std::int64_t left, std::int64_t right,
                                Work& work) {
  std::int64_t result = 0;
  bool overflow = false;
  if (symbol == "+") {
    overflow = __builtin_add_overflow(left, right, &result);
  } else if (symbol == "-") {
    overflow = __builtin_sub_overflow(left, right, &result);
  } else if (symbol == "*") {
    overflow = __builtin_mul_overflow(left, right, &result);
  } else {
    if (right == 0) work.refuse("division by zero");
    if (right == -1) return symbol == "%" ? 0 : calculate_integers("-", 0, left, work);
    const std::int64_t remainder = left % right;
    const bool adjust = remainder != 0 && (remainder < 0) != (right < 0);  // Python rounds down
    result = symbol == "%" ? remainder + (adjust ? right : 0) : left / right - (adjust ? 1 : 0);
  }
  if (overflow) work.refuse("an integer grows beyond 64 bits");
  return result;
}

std::int64_t bound(const Value& value, std::int64_t otherwise, std::int64_t length, std::int64_t low,
                   std::int64_t high, Work& work) {
  if (value.is<None>()) return otherwise;
  if (!value.is_integer()) work.refuse(fmt::format("a slice with {} as its bound", value.kind()));
  std::int64_t index = value.integer();
  if (index < 0) index = index < -length ? -1 : index + length;
  return std::clamp(index, low, high);
}

}  // namespace

Value get_item(const Value& value, const Value& key, Work& work) {
  if (value.is<Undefined>()) refuse_undefined(value, work);
  if (key.is_integer()) return get_at(value, key.integer(), work);
  if (!key.is_text()) work.refuse(fmt::format("{} as an index", key.kind()));
  if (value.is_dictionary()) {
    if (const Value* found = find(value.dictionary(), key.text())) return *found;
  }
  if (value.is_namespace() || value.is_loop()) return get_attribute(value, key.text(), work);
  if (value.is<Function>() || is_method_name(value, key.text())) {
    work.refuse(fmt::format("['{}'] of {} is not supported", key.text(), value.kind()));
  }
  return Undefined{key.text()};
}

Value get_attribute(const Value& value, const std::string& name, Work& work) {
  if (value.is<Undefined>()) refuse_undefined(value, work);
  if (value.is<Function>() || is_method_name(value, name)) {
    work.refuse(fmt::format("'.{}' of {} is not supported without a call", name, value.kind()));
  }
  const Dictionary* fields = value.is_dictionary()  ? &value.dictionary()
                             : value.is_namespace() ? &value.fields()
                             : value.is_loop()      ? &value.loop_fields()
                                                    : nullptr;
  const Value* found = fields != nullptr ? find(*fields, name) : nullptr;
  if (found != nullptr) return *found;
  if (value.is_loop()) work.refuse(fmt::format("'loop.{}' is not supported", name));
  return Undefined{name};
}

Value get_slice(const Value& value, const Value bounds[3], Work& work) {
  if (value.is<Undefined>()) refuse_undefined(value, work);
  if (!value.is_text() && !value.is_list()) work.refuse(fmt::format("a slice of {}", value.kind()));
  const List items = to_list(value, work);
  const auto length = static_cast<std::int64_t>(items.size());
  std::int64_t step = 1;
  if (!bounds[2].is<None>()) {
    if (!bounds[2].is_integer() || bounds[2].integer() == 0) work.refuse("a slice with this step");
    step = std::clamp<std::int64_t>(bounds[2].integer(), -length - 1, length + 1);
  }
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? length : length - 1;
  const std::int64_t begin = bound(bounds[0], step > 0 ? low : high, length, low, high, work);
  const std::int64_t end = bound(bounds[1], step > 0 ? high : low, length, low, high, work);
  List slice;
  for (std::int64_t at = begin; step > 0 ? at < end : at > end; at += step) {
    slice.push_back(items[static_cast<std::size_t>(at)]);
  }
  if (value.is_list()) return slice;
  std::string text;
  for (const Value& character : slice) text += character.text();
  return text;
}

Value calculate(const std::string& symbol, const Value& left, const Value& right, Work& work) {
  for (const Value* one : {&left, &right}) {
    if (one->is<Undefined>()) refuse_undefined(*one, work);
  }
  if (left.is_integer() && right.is_integer()) {
    return calculate_integers(symbol, left.integer(), right.integer(), work);
  }
  if (symbol == "+" && left.is_text() && right.is_text()) return left.text() + right.text();
  if (symbol == "+" && left.is_list() && right.is_list()) {
    List joined = left.list();
    joined.insert(joined.end(), right.list().begin(), right.list().end());
    work.spend(static_cast<std::int64_t>(joined.size()));
    work.check_size(joined.size() * sizeof(Value));
    return joined;
  }
  work.refuse(fmt::format("'{}' between {} and {} is not supported", symbol, left.kind(), right.kind()));
}

bool compare(const std::string& symbol, const Value& left, const Value& right, Work& work) {
  if (symbol == "==") return equal(left, right, work);
  if (symbol == "!=") return !equal(left, right, work);
  if (symbol == "in") return contains(right, left, work);
  if (symbol == "not in") return !contains(right, left, work);
  int order = 0;
  if (left.is_integer() && right.is_integer()) {
    order = left.integer() < right.integer() ? -1 : left.integer() > right.integer() ? 1 : 0;
  } else if (left.is_text() && right.is_text()) {
    order = left.text().compare(right.text());  // of UTF-8: by code points, as in Python
  } else {
    work.refuse(fmt::format("'{}' between {} and {}", symbol, left.kind(), right.kind()));
  }
  if (symbol == "<") return order < 0;
  if (symbol == "<=") return order <= 0;
  return symbol == ">" ? order > 0 : order >= 0;
}

namespace {

using Test = bool (*)(const Value&);

const std::map<std::string, Test, std::less<>>& plain_tests() {
  static const std::map<std::string, Test, std::less<>> all = {
      {"defined", [](const Value& value) { return !value.is<Undefined>(); }},
      {"undefined", [](const Value& value) { return value.is<Undefined>(); }},
      {"none", [](const Value& value) { return value.is<None>(); }},
      {"string", [](const Value& value) { return value.is_text(); }},
      {"number", [](const Value& value) { return value.is_integer(); }},
      {"integer", [](const Value& value) { return value.is<std::int64_t>(); }},
      {"boolean", [](const Value& value) { return value.is<bool>(); }},
      {"true", [](const Value& value) { return value.is<bool>() && value.truthy(); }},
      {"false", [](const Value& value) { return value.is<bool>() && !value.truthy(); }},
      {"mapping", [](const Value& value) { return value.is_dictionary(); }},
      {"iterable",
       [](const Value& value) {
         return value.is_text() || value.is_list() || value.is_dictionary() || value.is<Undefined>() ||
                value.is_loop();
       }},
      {"sequence",
       [](const Value& value) {
         return value.is_text() || value.is_list() || value.is_dictionary() || value.is<Undefined>();
       }},
  };
  return all;
}

const std::map<std::string, std::string, std::less<>>& comparing_tests() {
  static const std::map<std::string, std::string, std::less<>> all = {
      {"eq", "=="},      {"equalto", "=="}, {"ne", "!="}, {"in", "in"},         {"lt", "<"},
      {"lessthan", "<"}, {"le", "<="},      {"gt", ">"},  {"greaterthan", ">"}, {"ge", ">="}};
  return all;
}

}  // namespace

bool is_test(std::string_view name) {
  return plain_tests().contains(name) || comparing_tests().contains(name) || name == "divisibleby" ||
         name == "odd" || name == "even";
}

bool apply_test(const std::string& name, const Value& value, const Arguments& arguments, Work& work) {
  if (const auto plain = plain_tests().find(name); plain != plain_tests().end()) {
    expect_arguments(arguments, 0, 0, name, work);
    return plain->second(value);
  }
  if (const auto comparing = comparing_tests().find(name); comparing != comparing_tests().end()) {
    expect_arguments(arguments, 1, 1, name, work);
    return compare(comparing->second, value, arguments.values.at(0), work);
  }
  const bool divisible = name == "divisibleby";
  expect_arguments(arguments, divisible ? 1 : 0, divisible ? 1 : 0, name, work);
  const Value by = divisible ? arguments.values.at(0) : Value(std::int64_t{2});
  const bool no_remainder = calculate("%", value, by, work).integer() == 0;
  return no_remainder == (name != "odd");
}

}  // namespace pal::jinja
