#include "json_reader.h"

#include <limits>

#include "pal/core/check.h"

namespace pal {

void JsonReader::refuse(const char* expected) const {
  const std::string found = value_.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  user_error("{}: expected {}, got {}{}", where_, expected, found.substr(0, 60),
             found.size() > 60 ? "..." : "");
}

bool JsonReader::has(const std::string& name) const {
  if (!value_.is_object()) refuse("an object");
  const auto found = value_.find(name);
  return found != value_.end() && !found->is_null();
}

JsonReader JsonReader::at(const std::string& name) const {
  PAL_CHECK(has(name), "{}: has no '{}'", where_, name);
  return {value_[name], where_ + "." + name};
}

JsonReader JsonReader::item(std::size_t index) const {
  if (!value_.is_array() || index >= value_.size()) refuse("a longer list");
  return {value_[index], fmt::format("{}[{}]", where_, index)};
}

void JsonReader::for_each(const std::function<void(const JsonReader&)>& use) const {
  if (!value_.is_array()) refuse("a list");
  for (std::size_t index = 0; index < value_.size(); ++index) use(item(index));
}

void JsonReader::for_each_member(
    const std::function<void(const std::string&, const JsonReader&)>& use) const {
  if (!value_.is_object()) refuse("an object");
  for (auto member = value_.begin(); member != value_.end(); ++member) {
    use(member.key(), {member.value(), where_ + "." + member.key()});
  }
}

std::string JsonReader::text() const {
  if (!value_.is_string()) refuse("a text");
  return value_.get<std::string>();
}

std::int64_t JsonReader::integer() const {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value_.is_number_integer()) refuse("an integer");
  if (value_.is_number_unsigned() && value_.get<std::uint64_t>() > kLargest) refuse("a 64-bit integer");
  return value_.get<std::int64_t>();
}

double JsonReader::number() const {
  if (!value_.is_number()) refuse("a number");
  return value_.get<double>();
}

bool JsonReader::flag() const {
  if (!value_.is_boolean()) refuse("true or false");
  return value_.get<bool>();
}

std::string JsonReader::text_or(const std::string& name, const std::string& otherwise) const {
  return has(name) ? at(name).text() : otherwise;
}

bool JsonReader::flag_or(const std::string& name, bool otherwise) const {
  return has(name) ? at(name).flag() : otherwise;
}

void JsonReader::expect(const std::string& name, const std::string& expected,
                        const std::string& supported) const {
  const std::string found = at(name).text();
  PAL_CHECK(found == expected, "{}.{}: '{}' is not supported; supported: {}", where_, name, found, supported);
}

}  // namespace pal
