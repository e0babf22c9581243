// The filters, tests, methods and functions that chat templates use.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja_value.h"

namespace pal::jinja {

struct Arguments {
  std::vector<Value> values;
  Dictionary named;
};

bool is_filter(std::string_view name);
bool is_test(std::string_view name);
bool is_function(std::string_view name);
// A name that Python or Jinja knows as an attribute of this value, though here it can only be called, if that.
bool is_method_name(const Value& value, std::string_view name);

Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments, Work& work);
bool apply_test(const std::string& name, const Value& value, const Arguments& arguments, Work& work);
Value call_method(const Value& value, const std::string& name, const Arguments& arguments, Work& work);
Value call_function(const std::string& name, const Arguments& arguments, Work& work);

// The operators.
Value get_item(const Value& value, const Value& key, Work& work);              // value[key]
Value get_attribute(const Value& value, const std::string& name, Work& work);  // value.name
Value get_slice(const Value& value, const Value bounds[3], Work& work);        // value[a:b:c]
Value calculate(const std::string& symbol, const Value& left, const Value& right, Work& work);  // + - * // %
bool compare(const std::string& symbol, const Value& left, const Value& right,
             Work& work);  // == < in "not in" ...

}  // namespace pal::jinja
