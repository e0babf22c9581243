// Methods of values, and the functions of the environment.
#include <cstdlib>
#include <set>
#include <utility>

#include "jinja_arguments.h"
#include "pal/core/check.h"

namespace pal::jinja {

bool is_method_name(const Value& value, std::string_view name) {
  static const std::set<std::string, std::less<>> kOfTexts = {
      "capitalize", "casefold",     "center",       "count",   "encode",     "endswith",    "expandtabs",
      "find",       "format",       "format_map",   "index",   "isalnum",    "isalpha",     "isascii",
      "isdecimal",  "isdigit",      "isidentifier", "islower", "isnumeric",  "isprintable", "isspace",
      "istitle",    "isupper",      "join",         "ljust",   "lower",      "lstrip",      "maketrans",
      "partition",  "removeprefix", "removesuffix", "replace", "rfind",      "rindex",      "rjust",
      "rpartition", "rsplit",       "rstrip",       "split",   "splitlines", "startswith",  "strip",
      "swapcase",   "title",        "translate",    "upper",   "zfill"};
  static const std::set<std::string, std::less<>> kOfDictionaries = {
      "clear", "copy",    "fromkeys",   "get",    "items", "keys",
      "pop",   "popitem", "setdefault", "update", "values"};
  static const std::set<std::string, std::less<>> kOfLists = {
      "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"};
  if (name.starts_with("__")) return true;
  if (value.is_text()) return kOfTexts.contains(name);
  if (value.is_dictionary()) return kOfDictionaries.contains(name);
  if (value.is_list()) return kOfLists.contains(name);
  return value.is_integer();
}

namespace {

Value split_text(const std::string& text, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 2, "split", work);
  const bool by_space = arguments.values.empty() || arguments.values[0].is<None>();
  std::int64_t left = -1;
  if (arguments.values.size() > 1) {
    if (!arguments.values[1].is_integer()) work.refuse("'split' expects a number as its second argument");
    left = arguments.values[1].integer();
  }
  if (by_space && left >= 0) work.refuse("'split' at white space with a limit is not supported");
  List parts;
  if (by_space) {
    std::string word;
    for (char32_t c : to_utf32(text)) {
      if (!is_python_space(c)) {
        append_utf8(word, c);
      } else if (!word.empty()) {
        parts.emplace_back(std::exchange(word, ""));
      }
    }
    if (!word.empty()) parts.emplace_back(word);
  } else {
    const std::string& separator = text_argument(arguments, 0, "split", work);
    if (separator.empty()) work.refuse("'split' at an empty text");
    std::size_t done = 0;
    for (std::size_t at; left-- != 0 && (at = text.find(separator, done)) != std::string::npos;) {
      parts.emplace_back(text.substr(done, at - done));
      done = at + separator.size();
    }
    parts.emplace_back(text.substr(done));
  }
  work.spend(static_cast<std::int64_t>(parts.size() + text.size() / 64));
  return parts;
}

Value call_text_method(const std::string& text, const std::string& name, const Arguments& arguments,
                       Work& work) {
  if (!arguments.named.empty())
    work.refuse(fmt::format("'.{}()' with named arguments is not supported", name));
  if (name == "strip") return strip_text(text, Strip::kBoth, name, arguments, work);
  if (name == "lstrip") return strip_text(text, Strip::kLeft, name, arguments, work);
  if (name == "rstrip") return strip_text(text, Strip::kRight, name, arguments, work);
  if (name == "split") return split_text(text, arguments, work);
  if (name == "replace") return replace_text(text, arguments, work);
  if (name == "startswith" || name == "endswith") {
    expect_arguments(arguments, 1, 1, name, work);
    const std::string& part = text_argument(arguments, 0, name, work);
    return name == "startswith" ? text.starts_with(part) : text.ends_with(part);
  }
  if (name == "upper" || name == "lower") {
    expect_arguments(arguments, 0, 0, name, work);
    return change_case(text, name == "upper");
  }
  work.refuse(fmt::format("the method '.{}()' of a text is not supported", name));
}

Value call_dictionary_method(const Value& value, const std::string& name, const Arguments& arguments,
                             Work& work) {
  const Dictionary& dictionary = value.dictionary();
  if (name == "get") {
    expect_arguments(arguments, 1, 2, name, work);
    if (!arguments.named.empty()) work.refuse("'.get()' with named arguments");
    if (const Value* found = find(dictionary, text_argument(arguments, 0, name, work))) return *found;
    return arguments.values.size() > 1 ? arguments.values[1] : Value(None{});
  }
  expect_arguments(arguments, 0, 0, name, work);
  if (name == "items") return items_of(value, work);
  if (name == "keys") return to_list(value, work);
  if (name == "values") {
    List values;
    for (const auto& [key, field] : dictionary) values.push_back(field);
    return values;
  }
  work.refuse(fmt::format("the method '.{}()' of a dictionary is not supported", name));
}

Value make_range(const Arguments& arguments, Work& work) {
  constexpr std::int64_t kMost = 100'000;  // as Jinja's sandbox
  expect_arguments(arguments, 1, 3, "range", work);
  for (const Value& bound : arguments.values) {
    if (!bound.is_integer()) work.refuse(fmt::format("'range' of {}", bound.kind()));
    if (std::abs(bound.integer()) > (std::int64_t{1} << 40)) work.refuse("'range' with a bound that large");
  }
  const bool from_zero = arguments.values.size() == 1;
  const std::int64_t begin = from_zero ? 0 : arguments.values[0].integer();
  const std::int64_t end = arguments.values[from_zero ? 0 : 1].integer();
  const std::int64_t step = arguments.values.size() == 3 ? arguments.values[2].integer() : 1;
  if (step == 0) work.refuse("'range' with a step of 0");
  List numbers;
  for (std::int64_t number = begin; step > 0 ? number < end : number > end; number += step) {
    if (static_cast<std::int64_t>(numbers.size()) >= kMost)
      work.refuse(fmt::format("'range' of more than {}", kMost));
    numbers.emplace_back(number);
  }
  work.spend(static_cast<std::int64_t>(numbers.size()));
  return numbers;
}

}  // namespace

Value call_method(const Value& value, const std::string& name, const Arguments& arguments, Work& work) {
  if (value.is<Undefined>()) work.refuse(fmt::format("'{}' is undefined", value.undefined_name()));
  if (value.is_text()) return call_text_method(value.text(), name, arguments, work);
  if (value.is_dictionary()) return call_dictionary_method(value, name, arguments, work);
  work.refuse(fmt::format("the method '.{}()' of {} is not supported", name, value.kind()));
}

bool is_function(std::string_view name) {
  static const std::set<std::string, std::less<>> kAll = {"range", "namespace", "dict", "raise_exception"};
  return kAll.contains(name);
}

Value call_function(const std::string& name, const Arguments& arguments, Work& work) {
  if (name == "range") return make_range(arguments, work);
  if (name == "raise_exception") {
    expect_arguments(arguments, 1, 1, name, work, {"message"});
    work.refuse(to_text(*argument(arguments, 0, "message"), work));
  }
  if (!arguments.values.empty()) work.refuse(fmt::format("'{}' takes named arguments only", name));
  return name == "namespace" ? Value::make_namespace(arguments.named) : Value(arguments.named);
}

}  // namespace pal::jinja
