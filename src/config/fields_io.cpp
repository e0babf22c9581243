// Between a map and the fields of a struct.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "pal/config/fields.h"
#include "pal/core/suggest.h"

namespace pal {

namespace {

// Which fields belong to the map at hand.
struct Variant {
  std::string key;   // of the field that names it; "" where the struct has no variants
  std::string name;  // "" where it is not known
  bool known() const { return !name.empty(); }
  bool has(const Field& field) const {
    return field.variants().empty() || std::ranges::count(field.variants(), name) > 0;
  }
};

void read_field(const Place& at, Field& field, Problems& problems) {
  if (const Node* node = at.node.child(field.key())) {
    field.read(at.entry(*node), problems);
  } else if (field.is_required()) {
    problems.add(at.node.origin,
                 fmt::format("'{}' is missing; it is required ({})", at.path_of(field.key()), field.doc()));
  } else {
    field.value().read_absent(at, field.key(), problems);
  }
}

// The variant is read before all others, wherever it stands in the map or the table.
Variant read_variant(const Place& at, Fields& fields, Problems& problems) {
  const auto field = std::ranges::find_if(fields.all(), &Field::is_variant);
  if (field == fields.all().end()) return {};
  const std::size_t before = problems.count();
  read_field(at, *field, problems);
  return {field->key(), problems.count() > before ? "" : fields.chosen_variant()};
}

// The keys that a user may write: those of the chosen variant, or all where it is not known.
std::vector<std::string> valid_keys(Fields& fields, const Variant& variant) {
  std::vector<std::string> keys;
  for (const Field& field : fields.all()) {
    if (!variant.known() || variant.has(field)) keys.push_back(field.key());
  }
  return keys;
}

void check_keys(const Place& at, Fields& fields, const Variant& variant, Problems& problems) {
  const std::vector<std::string> valid = valid_keys(fields, variant);
  for (const Node& entry : at.node.children) {
    const auto field = std::ranges::find(fields.all(), entry.key, &Field::key);
    const std::string path = at.path_of(entry.key);
    if (field == fields.all().end()) {
      problems.add(entry.origin,
                   fmt::format("unknown key '{}'{}", path, suggestion(entry.key, valid, "valid keys")));
    } else if (variant.known() && !variant.has(*field)) {
      problems.add(entry.origin,
                   fmt::format("'{}' belongs to '{}: {}', but here '{}' is '{}'", path, variant.key,
                               fmt::join(field->variants(), " or "), variant.key, variant.name));
    }
  }
}

}  // namespace

void read_fields(const Place& at, Fields& fields, Problems& problems) {
  if (!detail::expect_kind(at, problems, Node::Kind::kMap, "a map")) return;
  const Variant variant = read_variant(at, fields, problems);
  check_keys(at, fields, variant, problems);
  for (Field& field : fields.all()) {
    if (field.is_variant() || (variant.known() && !variant.has(field))) continue;
    const bool may_be_another_variant = !variant.known() && !field.variants().empty();
    if (may_be_another_variant && !at.node.child(field.key())) continue;
    read_field(at, field, problems);
  }
}

Node write_fields(Fields& fields) {
  const Variant variant{"", fields.chosen_variant()};
  Node map = Node::map();
  for (const Field& field : fields.all()) {
    if (variant.has(field)) map.add(field.key(), field.value().write());
  }
  return map;
}

}  // namespace pal
