// How a value of type T stands in YAML: the trait ConfigValue<T> and its forms for the ordinary types.
//
// A type of your own specialises it (or, for a struct, has a `describe`, see fields.h; for an enum, `config_names`):
//   template <> struct ConfigValue<LayerChoice> {
//     static std::string type_name() { return "all, {from: N} or a list of layers"; }   // after "expected "
//     static void read(const Place& at, Problems& problems, LayerChoice& value);        // adds what is wrong to problems
//     static Node write(const LayerChoice& value);                                      // reads back as the same value
//     static void visit_structs(LayerChoice& value, const std::string& path, const StructVisitor& visit);   // where it holds structs
//   };
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pal/config/node.h"
#include "pal/config/problems.h"

namespace pal {

class Fields;

// How a T stands in YAML, as the top of the file shows; what has no specialisation cannot be an option.
template <class T>
struct ConfigValue;

// The names of an enum's values, found by argument-dependent look-up:
//   inline EnumNames<Schedule> config_names(Schedule) { return {{Schedule::kCosine, "cosine"}, ...}; }
template <class E>
using EnumNames = std::vector<std::pair<E, std::string>>;

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  EnumNames<E>(config_names(e));
};

// Called with the key path and the fields of each struct inside a value, for the reference text.
using StructVisitor = std::function<void(const std::string& path, Fields& fields)>;

// Reads the value at `at` by the trait of its type; what is wrong with it goes to `problems`.
template <class T>
void read_value(const Place& at, Problems& problems, T& value) {
  ConfigValue<T>::read(at, problems, value);
}

namespace detail {

// "expected an integer, got 'ten'HINT"
void add_mismatch(const Place& at, Problems& problems, const std::string& expected,
                  const std::string& hint = "");
bool expect_kind(const Place& at, Problems& problems, Node::Kind kind, const std::string& expected);
std::optional<std::int64_t> read_integer(const Place& at, Problems& problems, std::int64_t lowest,
                                         std::int64_t highest);
std::optional<double> read_number(const Place& at, Problems& problems, double largest);
std::optional<bool> read_boolean(const Place& at, Problems& problems);
std::optional<std::string> read_text(const Place& at, Problems& problems, const std::string& expected);
// The index of the name that stands there.
std::optional<std::size_t> read_choice(const Place& at, Problems& problems,
                                       const std::vector<std::string>& names);
std::string one_of(const std::vector<std::string>& names);  // "one of a, b"
Node write_number(double value);

template <class T>
void assign(T& value, const auto& parsed) {
  if (parsed) value = static_cast<T>(*parsed);
}

template <class T>
void visit_structs(T& value, const std::string& path, const StructVisitor& visit) {
  if constexpr (requires { ConfigValue<T>::visit_structs(value, path, visit); }) {
    ConfigValue<T>::visit_structs(value, path, visit);
  }
}

}  // namespace detail

// true or false, unquoted.
template <>
struct ConfigValue<bool> {
  // As the trait says (top of the file):
  static std::string type_name() { return "true or false"; }
  static void read(const Place& at, Problems& problems, bool& value) {
    detail::assign(value, detail::read_boolean(at, problems));
  }
  static Node write(bool value) { return Node::scalar(value ? "true" : "false"); }
};

// Whole numbers in the range of T.
template <std::integral T>
struct ConfigValue<T> {
  static_assert(sizeof(T) < sizeof(std::int64_t) || std::signed_integral<T>, "use std::int64_t");
  // As the trait says (top of the file):
  static std::string type_name() { return "an integer"; }
  static void read(const Place& at, Problems& problems, T& value) {
    using Limits = std::numeric_limits<T>;
    detail::assign(value, detail::read_integer(at, problems, Limits::min(), Limits::max()));
  }
  static Node write(T value) { return Node::scalar(std::to_string(value)); }
};

// Finite numbers in the range of T.
template <std::floating_point T>
struct ConfigValue<T> {
  // As the trait says (top of the file):
  static std::string type_name() { return "a number"; }
  static void read(const Place& at, Problems& problems, T& value) {
    detail::assign(value, detail::read_number(at, problems, std::numeric_limits<T>::max()));
  }
  static Node write(T value) { return detail::write_number(value); }
};

// Text: what stands there, quoted or not.
template <>
struct ConfigValue<std::string> {
  // As the trait says (top of the file):
  static std::string type_name() { return "text"; }
  static void read(const Place& at, Problems& problems, std::string& value) {
    detail::assign(value, detail::read_text(at, problems, type_name()));
  }
  static Node write(const std::string& value) { return Node::string(value); }
};

// As written: relative paths are left as they are.
template <>
struct ConfigValue<std::filesystem::path> {
  // As the trait says (top of the file):
  static std::string type_name() { return "a path"; }
  static void read(const Place& at, Problems& problems, std::filesystem::path& value) {
    detail::assign(value, detail::read_text(at, problems, type_name()));
  }
  static Node write(const std::filesystem::path& value) { return Node::string(value.string()); }
};

// Enums with `config_names`: one of the names.
template <NamedEnum E>
struct ConfigValue<E> {
  // As the trait says (top of the file):
  static std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& [value, name] : config_names(E{})) all.push_back(name);
    return all;
  }
  static std::string type_name() { return detail::one_of(names()); }
  static void read(const Place& at, Problems& problems, E& value) {
    if (const auto index = detail::read_choice(at, problems, names()))
      value = config_names(E{}).at(*index).first;
  }
  static Node write(E value) {
    for (const auto& [other, name] : config_names(E{})) {
      if (other == value) return Node::string(name);
    }
    throw std::logic_error("an enum value that config_names does not name");
  }
};

// What T reads, or null for none.
template <class T>
struct ConfigValue<std::optional<T>> {
  // As the trait says (top of the file):
  static std::string type_name() { return "null or " + ConfigValue<T>::type_name(); }
  static void read(const Place& at, Problems& problems, std::optional<T>& value) {
    value.reset();
    if (at.node.is_null()) return;
    T read{};
    read_value(at, problems, read);
    value = std::move(read);
  }
  static Node write(const std::optional<T>& value) {
    return value ? ConfigValue<T>::write(*value) : Node::null();
  }
  static void visit_structs(std::optional<T>& value, const std::string& path, const StructVisitor& visit) {
    T inner = value.value_or(T{});
    detail::visit_structs(inner, path, visit);
  }
};

// A list; it replaces what the vector holds.
template <class T>
struct ConfigValue<std::vector<T>> {
  // As the trait says (top of the file):
  static std::string type_name() { return "a list, each element " + ConfigValue<T>::type_name(); }
  static void read(const Place& at, Problems& problems, std::vector<T>& value) {
    if (!detail::expect_kind(at, problems, Node::Kind::kList, type_name())) return;
    value.clear();
    for (std::size_t i = 0; i < at.node.children.size(); ++i) {
      T element{};
      read_value(at.item(i), problems, element);
      value.push_back(std::move(element));
    }
  }
  static Node write(const std::vector<T>& value) {
    Node list = Node::list();
    for (const T& element : value) list.children.push_back(ConfigValue<T>::write(element));
    return list;
  }
  static void visit_structs(std::vector<T>&, const std::string& path, const StructVisitor& visit) {
    T element{};
    detail::visit_structs(element, path + "[]", visit);
  }
};

// A map whose keys are names; it replaces what the std::map holds.
template <class T>
struct ConfigValue<std::map<std::string, T>> {
  // As the trait says (top of the file):
  static std::string type_name() { return "a map of names, each value " + ConfigValue<T>::type_name(); }
  static void read(const Place& at, Problems& problems, std::map<std::string, T>& value) {
    if (!detail::expect_kind(at, problems, Node::Kind::kMap, type_name())) return;
    value.clear();
    for (const Node& entry : at.node.children) read_value(at.entry(entry), problems, value[entry.key]);
  }
  static Node write(const std::map<std::string, T>& value) {
    Node map = Node::map();
    for (const auto& [name, entry] : value) map.add(name, ConfigValue<T>::write(entry));
    return map;
  }
  static void visit_structs(std::map<std::string, T>&, const std::string& path, const StructVisitor& visit) {
    T entry{};
    detail::visit_structs(entry, path + ".<name>", visit);
  }
};

}  // namespace pal
