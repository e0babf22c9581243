// Arguments of filters, methods and functions, and the few operations that a filter and a method share.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "jinja_functions.h"
#include "unicode.h"

namespace pal::jinja {

// The argument at `index`, or named `name`; null where it was not given.
const Value* argument(const Arguments& arguments, std::size_t index, std::string_view name);
// Refuses another number of arguments, and argument names that are not in `names`.
void expect_arguments(const Arguments& arguments, std::size_t least, std::size_t most,
                      const std::string& name, Work& work, const std::set<std::string>& names = {});
// The text at `index`, which must have been checked to be there.
const std::string& text_argument(const Arguments& arguments, std::size_t index, const std::string& name,
                                 Work& work);

std::string change_case(const std::string& text, bool upper);
Value strip_text(const std::string& text, Strip side, const std::string& name, const Arguments& arguments,
                 Work& work);
Value replace_text(const std::string& text, const Arguments& arguments, Work& work);
Value items_of(const Value& value, Work& work);  // of a dictionary: [[key, value], ...]

}  // namespace pal::jinja
