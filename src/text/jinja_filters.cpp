// The filters: value | name(arguments).
#include <map>
#include <utility>

#include "jinja_arguments.h"
#include "pal/core/check.h"

namespace pal::jinja {
namespace {

using Filter = Value (*)(const Value&, const Arguments&, Work&);

Value filter_trim(const Value& value, const Arguments& arguments, Work& work) {
  return strip_text(to_text(value, work), Strip::kBoth, "trim", arguments, work);
}

Value filter_length(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "length", work);
  if (value.is_integer() || value.is<None>()) work.refuse(fmt::format("'length' of {}", value.kind()));
  return static_cast<std::int64_t>(to_list(value, work).size());
}

Value filter_tojson(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 1, "tojson", work, {"indent"});
  // The first argument by place is another one in transformers than in Jinja.
  if (!arguments.values.empty()) work.refuse("'tojson' takes 'indent' by name only");
  const Value* indent = find(arguments.named, "indent");
  if (indent == nullptr || indent->is<None>()) return to_json(value, -1, work);
  if (!indent->is_integer() || indent->integer() < 0 || indent->integer() > 16) {
    work.refuse("'tojson' expects an indent of 0 to 16");
  }
  return to_json(value, static_cast<int>(indent->integer()), work);
}

Value filter_upper(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "upper", work);
  return change_case(to_text(value, work), true);
}

Value filter_lower(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "lower", work);
  return change_case(to_text(value, work), false);
}

Value filter_default(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 2, "default", work, {"default_value", "boolean"});
  const Value* otherwise = argument(arguments, 0, "default_value");
  const Value* boolean = argument(arguments, 1, "boolean");
  const bool replaced = value.is<Undefined>() || (boolean != nullptr && boolean->truthy() && !value.truthy());
  if (!replaced) return value;
  return otherwise != nullptr ? *otherwise : Value("");
}

Value filter_join(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 1, "join", work, {"d"});
  const Value* separator = argument(arguments, 0, "d");
  const std::string between = separator != nullptr ? to_text(*separator, work) : "";
  std::string joined;
  bool first = true;
  for (const Value& part : to_list(value, work)) {
    if (!std::exchange(first, false)) joined += between;
    joined += to_text(part, work);
    work.check_size(joined.size());
  }
  return joined;
}

Value filter_first(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "first", work);
  const List list = to_list(value, work);
  return list.empty() ? Value(Undefined{"the first item of an empty list"}) : list.front();
}

Value filter_last(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "last", work);
  const List list = to_list(value, work);
  return list.empty() ? Value(Undefined{"the last item of an empty list"}) : list.back();
}

Value filter_list(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "list", work);
  return to_list(value, work);
}

Value filter_items(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "items", work);
  return items_of(value, work);
}

Value filter_string(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 0, 0, "string", work);
  return to_text(value, work);
}

Value filter_replace(const Value& value, const Arguments& arguments, Work& work) {
  return replace_text(to_text(value, work), arguments, work);
}

// selectattr(name), selectattr(name, test), selectattr(name, test, argument)
Value select_by_attribute(const Value& value, const Arguments& arguments, Work& work, bool wanted) {
  expect_arguments(arguments, 1, 3, "selectattr", work);
  const std::string& name = text_argument(arguments, 0, "selectattr", work);
  if (name.find('.') != std::string::npos) work.refuse("'selectattr' with a path is not supported");
  std::string test;
  Arguments test_arguments;
  if (arguments.values.size() > 1) test = text_argument(arguments, 1, "selectattr", work);
  if (!test.empty() && !is_test(test)) work.refuse(fmt::format("the test '{}' is not supported", test));
  if (arguments.values.size() > 2) test_arguments.values.push_back(arguments.values[2]);
  List selected;
  for (const Value& item : to_list(value, work)) {
    const Value field = get_item(item, name, work);
    const bool chosen = test.empty() ? field.truthy() : apply_test(test, field, test_arguments, work);
    if (chosen == wanted) selected.push_back(item);
  }
  return selected;
}

Value filter_selectattr(const Value& value, const Arguments& arguments, Work& work) {
  return select_by_attribute(value, arguments, work, true);
}

Value filter_rejectattr(const Value& value, const Arguments& arguments, Work& work) {
  return select_by_attribute(value, arguments, work, false);
}

// map(attribute="name")
Value filter_map(const Value& value, const Arguments& arguments, Work& work) {
  expect_arguments(arguments, 1, 1, "map", work, {"attribute"});
  const Value* name = find(arguments.named, "attribute");
  if (name == nullptr || !name->is_text() || name->text().find('.') != std::string::npos) {
    work.refuse("'map' is supported with attribute='name' only");
  }
  List mapped;
  for (const Value& item : to_list(value, work)) mapped.push_back(get_item(item, *name, work));
  return mapped;
}

const std::map<std::string, Filter, std::less<>>& filters() {
  static const std::map<std::string, Filter, std::less<>> all = {
      {"trim", filter_trim},
      {"length", filter_length},
      {"count", filter_length},
      {"tojson", filter_tojson},
      {"upper", filter_upper},
      {"lower", filter_lower},
      {"join", filter_join},
      {"default", filter_default},
      {"d", filter_default},
      {"first", filter_first},
      {"last", filter_last},
      {"list", filter_list},
      {"items", filter_items},
      {"string", filter_string},
      {"replace", filter_replace},
      {"map", filter_map},
      {"selectattr", filter_selectattr},
      {"rejectattr", filter_rejectattr},
  };
  return all;
}

}  // namespace

bool is_filter(std::string_view name) { return filters().contains(name); }

Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments, Work& work) {
  return filters().find(name)->second(value, arguments, work);
}

}  // namespace pal::jinja
