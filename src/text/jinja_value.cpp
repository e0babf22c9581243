#include "jinja_value.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "jinja_lexer.h"
#include "pal/core/check.h"
#include "unicode.h"

namespace pal::jinja {
namespace {

constexpr std::int64_t kMostSteps = 5'000'000;
constexpr std::size_t kLargestText = std::size_t{1} << 24;
constexpr int kDeepestValue = 50;

// A namespace inside another value could hold itself.
int depth_over(const Value& part) {
  PAL_CHECK(!part.is_namespace() && !part.is_loop(),
            "chat template: a namespace or loop inside another value");
  PAL_CHECK(part.depth() < kDeepestValue, "chat template: values are nested too deeply");
  return part.depth() + 1;
}

int depth_of(const List& list) {
  int depth = 1;
  for (const Value& part : list) depth = std::max(depth, depth_over(part));
  return depth;
}

int depth_of(const Dictionary& dictionary) {
  int depth = 1;
  for (const auto& [key, part] : dictionary) depth = std::max(depth, depth_over(part));
  return depth;
}

}  // namespace

Value::Value(List list) : depth_(depth_of(list)) { value_ = std::make_shared<const List>(std::move(list)); }

Value::Value(Dictionary dictionary) : depth_(depth_of(dictionary)) {
  value_ = std::make_shared<const Dictionary>(std::move(dictionary));
}

Value Value::make_namespace(Dictionary fields) {
  depth_of(fields);
  Value value;
  value.value_ = std::make_shared<Namespace>(Namespace{std::move(fields)});
  return value;
}

Value Value::make_loop(Dictionary fields) {
  Value value;
  value.value_ = std::make_shared<const Loop>(Loop{std::move(fields)});
  return value;
}

std::int64_t Value::integer() const {
  return is<bool>() ? std::get<bool>(value_) : std::get<std::int64_t>(value_);
}

const char* Value::kind() const {
  static constexpr const char* kNames[] = {
      "an undefined value", "none",        "a function",   "a truth value", "an integer", "a text", "a list",
      "a dictionary",       "a namespace", "a loop object"};
  return kNames[value_.index()];
}

bool Value::truthy() const {
  if (is<Undefined>() || is<None>()) return false;
  if (is_integer()) return integer() != 0;
  if (is_text()) return !text().empty();
  if (is_list()) return !list().empty();
  if (is_dictionary()) return !dictionary().empty();
  return true;
}

const Value* find(const Dictionary& dictionary, std::string_view key) {
  for (const auto& [name, value] : dictionary) {
    if (name == key) return &value;
  }
  return nullptr;
}

void assign(Dictionary& dictionary, std::string_view key, Value value) {
  for (auto& [name, old] : dictionary) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  dictionary.emplace_back(key, std::move(value));
}

void Work::spend(std::int64_t steps) {
  spent_ += steps;
  if (spent_ > kMostSteps) refuse(fmt::format("stopped after {} steps", kMostSteps));
}

void Work::check_size(std::size_t bytes) const {
  if (bytes > kLargestText) refuse(fmt::format("a text or list grows beyond {} bytes", kLargestText));
}

void Work::refuse(const std::string& message) const { jinja::refuse(line_, message); }

bool equal(const Value& left, const Value& right, Work& work) {
  work.spend(1);
  if (left.is_integer() && right.is_integer()) return left.integer() == right.integer();
  if (left.is_text() && right.is_text()) return left.text() == right.text();
  if (left.is<None>() || right.is<None>()) return left.is<None>() && right.is<None>();
  if (left.is<Undefined>() || right.is<Undefined>()) return left.is<Undefined>() && right.is<Undefined>();
  if (left.is_list() && right.is_list()) {
    const auto same = [&](const Value& a, const Value& b) { return equal(a, b, work); };
    return std::equal(left.list().begin(), left.list().end(), right.list().begin(), right.list().end(), same);
  }
  if (left.is_dictionary() && right.is_dictionary()) {
    if (left.dictionary().size() != right.dictionary().size()) return false;
    return std::all_of(left.dictionary().begin(), left.dictionary().end(), [&](const auto& field) {
      const Value* other = find(right.dictionary(), field.first);
      return other != nullptr && equal(field.second, *other, work);
    });
  }
  for (const Value* one : {&left, &right}) {
    if (one->is_namespace() || one->is_loop() || one->is<Function>()) {
      work.refuse(fmt::format("cannot compare {}", one->kind()));
    }
  }
  return false;
}

std::string to_text(const Value& value, Work& work) {
  if (value.is_text()) return value.text();
  if (value.is<Undefined>()) return "";
  if (value.is<None>()) return "None";
  if (value.is<bool>()) return value.integer() != 0 ? "True" : "False";
  if (value.is_integer()) return std::to_string(value.integer());
  work.refuse(fmt::format("cannot write {} as text; use tojson", value.kind()));
}

List to_list(const Value& value, Work& work) {
  List list;
  if (value.is_list()) {
    list = value.list();
  } else if (value.is_text()) {
    for (char32_t code_point : to_utf32(value.text())) list.emplace_back(to_utf8({&code_point, 1}));
  } else if (value.is_dictionary()) {
    for (const auto& [key, field] : value.dictionary()) list.emplace_back(key);
  } else if (!value.is<Undefined>()) {
    work.refuse(fmt::format("cannot go through {}", value.kind()));
  }
  work.spend(static_cast<std::int64_t>(list.size()));
  return list;
}

namespace {

void write_json(const Value& value, int indent, int level, Work& work, std::string& json) {
  work.spend(1);
  work.check_size(json.size());
  const auto new_line = [&](int to) {
    if (indent >= 0)
      json.append(1, '\n').append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(to), ' ');
  };
  const auto write_items = [&](char open, char close, std::size_t count, const auto& write_item) {
    json.push_back(open);
    for (std::size_t index = 0; index < count; ++index) {
      if (index > 0) json += indent >= 0 ? "," : ", ";
      new_line(level + 1);
      write_item(index);
    }
    if (count > 0) new_line(level);
    json.push_back(close);
  };
  const auto write_text = [&](const std::string& text) {
    json += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (value.is_text()) {
    write_text(value.text());
  } else if (value.is<None>()) {
    json += "null";
  } else if (value.is<bool>()) {
    json += value.integer() != 0 ? "true" : "false";
  } else if (value.is_integer()) {
    json += std::to_string(value.integer());
  } else if (value.is_list()) {
    write_items('[', ']', value.list().size(),
                [&](std::size_t index) { write_json(value.list()[index], indent, level + 1, work, json); });
  } else if (value.is_dictionary()) {
    write_items('{', '}', value.dictionary().size(), [&](std::size_t index) {
      const auto& [key, field] = value.dictionary()[index];
      write_text(key);
      json += ": ";
      write_json(field, indent, level + 1, work, json);
    });
  } else {
    work.refuse(fmt::format("cannot write {} as JSON", value.kind()));
  }
}

}  // namespace

std::string to_json(const Value& value, int indent, Work& work) {
  std::string json;
  write_json(value, indent, 0, work, json);
  return json;
}

}  // namespace pal::jinja
