// A YAML value together with where it was written, so that every message can say so.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// Where a value was written: a file and its line, or the text of a --set flag (line 0).
struct Origin {
  std::shared_ptr<const std::string> source;  // the file, or "--set KEY.PATH=VALUE"; null: made by the program
  int line = 0;                               // from 1; 0: the source as a whole

  std::string text() const;  // "configs/pal.yaml:17" or "--set train.steps=5"
};

// Files by name and line first, then the --set flags.
bool operator<(const Origin& a, const Origin& b);

// A value with all that is inside it.
struct Node {
  // What YAML knows: nothing, text (numbers and booleans too), a list, a map.
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;     // says which of the members below are used
  Origin origin;               // a value in a map has the line of its key
  std::string key;             // its key in the map that holds it
  std::string text;            // of a scalar
  bool quoted = false;         // a scalar written in quotes: text, whatever it looks like
  bool replaces = false;       // a map tagged !replace: it inherits nothing from `base`
  std::vector<Node> children;  // of a list or a map, in the order written

  // Nodes that the program makes, without an origin:
  static Node null() { return {}; }
  static Node scalar(std::string plain);  // a number or a boolean
  static Node string(std::string text);   // quoted where it would read as something else
  static Node list(std::vector<Node> items = {});
  static Node map() { return of_kind(Kind::kMap); }
  Node& add(std::string child_key, Node value);  // to a map; returns the child

  // What the value is:
  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }

  // The child of a map by key, or of a list by index or by the value of its key `name`; null where there is none.
  const Node* child(std::string_view step) const;
  Node* child(std::string_view step);  // the same, to be changed

 private:
  static Node of_kind(Kind kind);
};

// For messages: "a map", "a list", "nothing", "'ten'", "the quoted text \"10\"". Long text is cut.
std::string shown(const Node& node);

// A key path at its dots: "stages.0.steps" to {"stages", "0", "steps"}.
std::vector<std::string> split_path(std::string_view path);

// A node with its key path from the root, as the readers of values get it.
struct Place {
  const Node& node;  // must outlive this place
  std::string path;  // "model.streams.0.layers"; "" for the root

  std::string path_of(std::string_view step) const;  // of a child that may be absent
  Place item(std::size_t i) const;                   // of a list
  Place entry(const Node& child) const { return {child, path_of(child.key)}; }  // of a map
};

}  // namespace pal
