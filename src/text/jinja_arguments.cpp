#include "jinja_arguments.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <optional>

#include "pal/core/check.h"

namespace pal::jinja {

const Value* argument(const Arguments& arguments, std::size_t index, std::string_view name) {
  if (index < arguments.values.size()) return &arguments.values[index];
  return find(arguments.named, name);
}

void expect_arguments(const Arguments& arguments, std::size_t least, std::size_t most,
                      const std::string& name, Work& work, const std::set<std::string>& names) {
  const std::size_t count = arguments.values.size() + arguments.named.size();
  if (count < least || count > most) {
    work.refuse(fmt::format("'{}' with {} arguments is not supported", name, count));
  }
  for (const auto& [key, value] : arguments.named) {
    if (!names.contains(key))
      work.refuse(fmt::format("'{}' with the argument '{}' is not supported", name, key));
  }
}

const std::string& text_argument(const Arguments& arguments, std::size_t index, const std::string& name,
                                 Work& work) {
  const Value& value = arguments.values.at(index);
  if (!value.is_text()) work.refuse(fmt::format("'{}' expects a text, got {}", name, value.kind()));
  return value.text();
}

std::string change_case(const std::string& text, bool upper) {
  icu::UnicodeString units = icu::UnicodeString::fromUTF8(text);
  upper ? units.toUpper(icu::Locale::getRoot()) : units.toLower(icu::Locale::getRoot());
  std::string changed;
  return units.toUTF8String(changed);
}

Value strip_text(const std::string& text, Strip side, const std::string& name, const Arguments& arguments,
                 Work& work) {
  expect_arguments(arguments, 0, 1, name, work);
  std::optional<std::string_view> characters;
  if (!arguments.values.empty() && !arguments.values[0].is<None>()) {
    characters = text_argument(arguments, 0, name, work);
  }
  work.spend(static_cast<std::int64_t>(text.size() / 64));
  return std::string(strip(text, side, characters));
}

Value replace_text(const std::string& text, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 2, 2, "replace", work);
  if (!arguments.named.empty()) work.refuse("'replace' with named arguments is not supported");
  const std::string& old_part = text_argument(arguments, 0, "replace", work);
  const std::string& new_part = text_argument(arguments, 1, "replace", work);
  if (old_part.empty()) work.refuse("'replace' of an empty text is not supported");
  std::string result;
  std::size_t done = 0;
  for (std::size_t at = text.find(old_part); at != std::string::npos; at = text.find(old_part, done)) {
    result.append(text, done, at - done).append(new_part);
    work.spend(1);
    work.check_size(result.size());
    done = at + old_part.size();
  }
  return result.append(text, done);
}

Value items_of(const Value& value, Work& work) {
  List items;
  if (value.is<Undefined>()) return items;
  if (!value.is_dictionary()) work.refuse(fmt::format("'items' of {}", value.kind()));
  for (const auto& [key, field] : value.dictionary()) items.emplace_back(List{key, field});
  work.spend(static_cast<std::int64_t>(items.size()));
  return items;
}

}  // namespace pal::jinja
