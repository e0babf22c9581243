// Reads members of a JSON value whose errors say where: "tokenizer.json.model.vocab.the: expected an integer, got ...".
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace pal {

// A view of a JSON value and its place in the file. Every method throws UserError where the value is another kind.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& value, std::string where) : value_(value), where_(std::move(where)) {}

  const nlohmann::json& value() const { return value_; }
  const std::string& where() const { return where_; }

  bool has(const std::string& name) const;       // there and not null
  JsonReader at(const std::string& name) const;  // must be there
  JsonReader item(std::size_t index) const;
  void for_each(const std::function<void(const JsonReader&)>& use) const;
  void for_each_member(const std::function<void(const std::string&, const JsonReader&)>& use) const;

  std::string text() const;
  std::int64_t integer() const;
  double number() const;
  bool flag() const;
  std::string text_or(const std::string& name, const std::string& otherwise) const;
  bool flag_or(const std::string& name, bool otherwise) const;
  // The text `name` must be `expected`; `supported` completes the message.
  void expect(const std::string& name, const std::string& expected, const std::string& supported) const;

 private:
  [[noreturn]] void refuse(const char* expected) const;

  const nlohmann::json& value_;
  std::string where_;
};

}  // namespace pal
