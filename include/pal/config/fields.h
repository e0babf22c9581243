// The one table of a config struct: what it reads from, what it is checked against and what is written about it.
//
//   void describe(Fields& f, OptimizerOptions& o) {
//     f.field("learning_rate", o.learning_rate, "peak learning rate").above(0);
//     f.field("schedule", o.schedule, "how it falls after the warm-up").one_of({"cosine", "linear", "constant"});
//     f.required("steps", o.steps, "optimizer steps").at_least(1);
//   }
//
// A value may be bool, an integer, double, std::string, std::filesystem::path, an enum with `config_names`, another struct
// with a `describe`, std::optional, std::vector and std::map<std::string, ...> of these, or a type with its own
// ConfigValue (value.h). What a struct holds by default is the option's default.
//
// Structs of several variants: one field is the `variant`, others are `only_for` some of its values.
//   f.required("type", c.type, "kind of connector").one_of({"mlp", "qformer"}).variant();
//   f.field("queries", c.queries, "number of queries").at_least(1).only_for({"qformer"});
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pal/config/value.h"

namespace pal {

class Fields;

template <class T>
concept Described = std::is_class_v<T> && requires(Fields& fields, T& value) {
  describe(fields, value);
};

// The value of a field, whatever its type.
class FieldValue {
 public:
  virtual ~FieldValue() = default;
  // Reads the value at `at` into the field; what is wrong with it goes to `problems`.
  virtual void read(const Place& at, Problems& problems) = 0;
  // Its key is not in the map `in`: what is required inside it is then missing too.
  virtual void read_absent(const Place& in, const std::string& key, Problems& problems) = 0;
  virtual Node write() const = 0;             // reads back as the same value
  virtual std::string type_name() const = 0;  // after "expected "
  virtual bool is_struct() const = 0;         // whether it has fields of its own
  // Calls `visit` for each struct inside, itself included.
  virtual void visit_structs(const std::string& path, const StructVisitor& visit) = 0;
};

// A limit of a number.
struct Bound {
  // The side of the limit on which values are allowed.
  enum class Kind { kAbove, kAtLeast, kBelow, kAtMost } kind;  // which side of `limit` is allowed
  double limit;                                                // in the option's own unit

  bool holds(double value) const;  // whether `value` is allowed
  std::string text() const;        // "above 0", "at least 1"
};

// One row of the table. Limits and choices hold for each element of a list and each value of a map.
class Field {
 public:
  // As Fields::field and Fields::required make it. `doc`: the option's meaning, for messages and the reference text.
  Field(std::string key, std::string doc, bool required, std::unique_ptr<FieldValue> value);

  // Limits of a number; several may stand together:
  Field& above(double limit) { return bounded(Bound::Kind::kAbove, limit); }
  Field& at_least(double limit) { return bounded(Bound::Kind::kAtLeast, limit); }
  Field& below(double limit) { return bounded(Bound::Kind::kBelow, limit); }
  Field& at_most(double limit) { return bounded(Bound::Kind::kAtMost, limit); }
  // Allowed words, or numbers as they are written.
  Field& one_of(std::vector<std::string> choices);
  Field& not_empty();                               // text, list or map
  Field& variant();                                 // the field whose value `only_for` speaks of
  Field& only_for(std::vector<std::string> names);  // an error to give, and not required, for other variants

  const std::string& key() const { return key_; }                         // in the map that the struct reads
  const std::string& doc() const { return doc_; }                         // its meaning, for messages and the reference text
  bool is_required() const { return required_; }                          // its absence is a problem
  bool is_variant() const { return is_variant_; }                         // variant() was called
  const std::vector<std::string>& variants() const { return variants_; }  // the names of only_for(); empty: every variant
  FieldValue& value() { return *value_; }                                 // stays the struct's own
  const FieldValue& value() const { return *value_; }                     // stays the struct's own

  // Reads the value at `at` and holds it to limits and choices; what is wrong goes to `problems`.
  void read(const Place& at, Problems& problems);
  std::string allowed()
      const;  // "above 0, at most 1", "one of a, b; only for qformer"; for the reference text

 private:
  Field& bounded(Bound::Kind kind, double limit);
  void check(const Place& at, Problems& problems) const;
  void check_scalar(const Place& at, Problems& problems) const;

  std::string key_, doc_;
  bool required_;
  std::unique_ptr<FieldValue> value_;
  std::vector<Bound> bounds_;
  std::vector<std::string> choices_;
  bool not_empty_ = false;
  bool is_variant_ = false;
  std::vector<std::string> variants_;
};

// The table of a struct, as its `describe` fills it.
class Fields {
 public:
  // Adds a row: `value`, which must outlive the table, is read from `key`. What it holds now is the default.
  template <class T>
  Field& field(std::string key, T& value, std::string doc);
  // The same for a key that must be given.
  template <class T>
  Field& required(std::string key, T& value, std::string doc);

  std::deque<Field>& all() { return fields_; }  // rows in the order in which they were added
  std::vector<std::string> keys() const;        // in the same order
  // The present value of the field marked `variant`; empty where there is none.
  std::string chosen_variant() const;

 private:
  std::deque<Field> fields_;  // a deque, for `field` returns a reference
};

// Reads the map `at` into the fields. Adds to `problems`: unknown keys, missing ones, wrong values.
void read_fields(const Place& at, Fields& fields, Problems& problems);
// All fields that belong to the present variant, in the table's order.
Node write_fields(Fields& fields);

// Any struct with a `describe`: a map of its fields.
template <class T>
requires Described<T>
struct ConfigValue<T> {
  // As the trait says (value.h):
  static std::string type_name() { return "a map"; }
  static void read(const Place& at, Problems& problems, T& value) {
    Fields fields;
    describe(fields, value);
    read_fields(at, fields, problems);
  }
  static Node write(T value) {
    Fields fields;
    describe(fields, value);
    return write_fields(fields);
  }
  static void visit_structs(T& value, const std::string& path, const StructVisitor& visit) {
    Fields fields;
    describe(fields, value);
    visit(path, fields);
  }
};

namespace detail {

template <class T>
class TypedValue final : public FieldValue {
 public:
  explicit TypedValue(T& value) : value_(value) {}

  void read(const Place& at, Problems& problems) override { read_value(at, problems, value_); }
  void read_absent(const Place& in, const std::string& key, Problems& problems) override {
    if constexpr (Described<T>) {
      Node empty = Node::map();
      empty.origin = in.node.origin;
      read_value(Place{empty, in.path_of(key)}, problems, value_);
    }
  }
  Node write() const override { return ConfigValue<T>::write(value_); }
  std::string type_name() const override { return ConfigValue<T>::type_name(); }
  bool is_struct() const override { return Described<T>; }
  void visit_structs(const std::string& path, const StructVisitor& visit) override {
    detail::visit_structs(value_, path, visit);
  }

 private:
  T& value_;
};

}  // namespace detail

template <class T>
Field& Fields::field(std::string key, T& value, std::string doc) {
  return fields_.emplace_back(std::move(key), std::move(doc), false,
                              std::make_unique<detail::TypedValue<T>>(value));
}

template <class T>
Field& Fields::required(std::string key, T& value, std::string doc) {
  return fields_.emplace_back(std::move(key), std::move(doc), true,
                              std::make_unique<detail::TypedValue<T>>(value));
}

}  // namespace pal
