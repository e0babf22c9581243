#include "pal/config/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "pal/core/suggest.h"
#include "pal/core/check.h"

namespace pal {

namespace {

std::optional<double> as_number(const Node& node) {
  Problems unused;
  return detail::read_number(Place{node, ""}, unused, std::numeric_limits<double>::max());
}

}  // namespace

bool Bound::holds(double value) const {
  switch (kind) {
    case Kind::kAbove:
      return value > limit;
    case Kind::kAtLeast:
      return value >= limit;
    case Kind::kBelow:
      return value < limit;
    case Kind::kAtMost:
      return value <= limit;
  }
  return false;
}

std::string Bound::text() const {
  switch (kind) {
    case Kind::kAbove:
      return fmt::format("above {}", limit);
    case Kind::kAtLeast:
      return fmt::format("at least {}", limit);
    case Kind::kBelow:
      return fmt::format("below {}", limit);
    case Kind::kAtMost:
      return fmt::format("at most {}", limit);
  }
  return "";
}

Field::Field(std::string key, std::string doc, bool required, std::unique_ptr<FieldValue> value)
    : key_(std::move(key)), doc_(std::move(doc)), required_(required), value_(std::move(value)) {}

Field& Field::bounded(Bound::Kind kind, double limit) {
  bounds_.push_back({kind, limit});
  return *this;
}

Field& Field::one_of(std::vector<std::string> choices) {
  choices_ = std::move(choices);
  return *this;
}

Field& Field::not_empty() {
  not_empty_ = true;
  return *this;
}

Field& Field::variant() {
  is_variant_ = true;
  return *this;
}

Field& Field::only_for(std::vector<std::string> names) {
  variants_ = std::move(names);
  return *this;
}

std::string Field::allowed() const {
  std::vector<std::string> parts;
  for (const Bound& bound : bounds_) parts.push_back(bound.text());
  if (!choices_.empty()) parts.push_back(detail::one_of(choices_));
  if (not_empty_) parts.push_back("not empty");
  const std::string values = fmt::format("{}", fmt::join(parts, ", "));
  if (variants_.empty()) return values;
  return fmt::format("{}{}only for {}", values, values.empty() ? "" : "; ", fmt::join(variants_, ", "));
}

void Field::read(const Place& at, Problems& problems) {
  const std::size_t before = problems.count();
  value_->read(at, problems);
  if (problems.count() > before) return;
  const bool empty = at.node.is_scalar() ? at.node.text.empty() : at.node.children.empty();
  if (not_empty_ && empty && !at.node.is_null()) problems.add(at, "is empty; expected " + doc_);
  check(at, problems);
}

// The limits and choices speak of scalars: of the value itself, or of all that it holds.
void Field::check(const Place& at, Problems& problems) const {
  if (bounds_.empty() && choices_.empty()) return;
  if (at.node.is_scalar()) return check_scalar(at, problems);
  for (std::size_t i = 0; i < at.node.children.size(); ++i) {
    check(at.node.is_list() ? at.item(i) : at.entry(at.node.children[i]), problems);
  }
}

void Field::check_scalar(const Place& at, Problems& problems) const {
  if (!choices_.empty()) detail::read_choice(at, problems, choices_);
  const std::optional<double> number = bounds_.empty() ? std::nullopt : as_number(at.node);
  if (!number || std::ranges::all_of(bounds_, [&](const Bound& bound) { return bound.holds(*number); }))
    return;
  std::vector<std::string> limits;
  for (const Bound& bound : bounds_) limits.push_back(bound.text());
  problems.add(at, fmt::format("expected a number {}, got {}", fmt::join(limits, " and "), at.node.text));
}

std::vector<std::string> Fields::keys() const {
  std::vector<std::string> keys;
  for (const Field& field : fields_) keys.push_back(field.key());
  return keys;
}

std::string Fields::chosen_variant() const {
  const auto field = std::ranges::find_if(fields_, &Field::is_variant);
  return field == fields_.end() ? "" : field->value().write().text;
}

}  // namespace pal
