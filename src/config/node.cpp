#include "pal/config/node.h"

#include <fmt/format.h>

#include <charconv>
#include <tuple>
#include <utility>

namespace pal {

namespace {

constexpr std::size_t kShownBytes = 60;

// One line of text: control characters as \n or \x01, cut between characters where it is long.
std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool starts_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (line.size() >= kShownBytes && starts_character) return line + "...";
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      line += fmt::format("\\x{:02x}", c);
    } else {
      line += c;
    }
  }
  return line;
}

const Node* item_of(const Node& list, std::string_view step) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error == std::errc() && end == step.data() + step.size()) {
    return index < list.children.size() ? &list.children[index] : nullptr;
  }
  for (const Node& item : list.children) {
    const Node* name = item.is_map() ? item.child("name") : nullptr;
    if (name && name->is_scalar() && name->text == step) return &item;
  }
  return nullptr;
}

}  // namespace

std::string Origin::text() const {
  const std::string name = source ? *source : "config";
  return line > 0 ? fmt::format("{}:{}", name, line) : name;
}

bool operator<(const Origin& a, const Origin& b) {
  const auto order = [](const Origin& origin) {
    const std::string_view source = origin.source ? std::string_view(*origin.source) : "";
    return std::tuple(source.starts_with("--set "), source, origin.line);
  };
  return order(a) < order(b);
}

Node Node::of_kind(Kind kind) {
  Node node;
  node.kind = kind;
  return node;
}

Node Node::scalar(std::string plain) {
  Node node = of_kind(Kind::kScalar);
  node.text = std::move(plain);
  return node;
}

Node Node::string(std::string text) {
  Node node = scalar(std::move(text));
  node.quoted = true;
  return node;
}

Node Node::list(std::vector<Node> items) {
  Node node = of_kind(Kind::kList);
  node.children = std::move(items);
  return node;
}

Node& Node::add(std::string child_key, Node value) {
  value.key = std::move(child_key);
  children.push_back(std::move(value));
  return children.back();
}

const Node* Node::child(std::string_view step) const {
  if (is_list()) return item_of(*this, step);
  if (!is_map()) return nullptr;
  for (const Node& entry : children) {
    if (entry.key == step) return &entry;
  }
  return nullptr;
}

Node* Node::child(std::string_view step) { return const_cast<Node*>(std::as_const(*this).child(step)); }

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
    case Node::Kind::kScalar:
      break;
  }
  const std::string text = on_one_line(node.text);
  return node.quoted ? fmt::format("the quoted text \"{}\"", text) : fmt::format("'{}'", text);
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> steps;
  std::size_t begin = 0;
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', begin)) {
    steps.emplace_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  steps.emplace_back(path.substr(begin));
  return steps;
}

std::string Place::path_of(std::string_view step) const {
  return path.empty() ? std::string(step) : fmt::format("{}.{}", path, step);
}

Place Place::item(std::size_t i) const { return {node.children.at(i), path_of(std::to_string(i))}; }

}  // namespace pal
