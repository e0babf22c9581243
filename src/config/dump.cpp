#include "pal/config/dump.h"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "pal/config/yaml_parser.h"
#include "pal/core/check.h"

namespace pal {

namespace {

// Text that every YAML reader takes for text when it stands without quotes.
bool reads_as_text(const std::string& text) {
  static const std::set<std::string> kWords = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) || c == '_' || c == '/'; };
  const auto is_plain = [&](unsigned char c) {
    return is_letter(c) || std::isdigit(c) || c == '.' || c == '-';
  };
  if (text.empty() || !is_letter(text.front()) || !std::ranges::all_of(text, is_plain)) return false;
  std::string word;
  for (const unsigned char c : text) word += static_cast<char>(std::tolower(c));
  return !kWords.contains(word);
}

bool holds_maps(const Node& node) {
  return std::ranges::any_of(node.children, [](const Node& child) {
    return (child.is_map() && !child.children.empty()) || (child.is_list() && holds_maps(child));
  });
}

void emit_text(YAML::Emitter& out, const std::string& text, bool may_need_quotes) {
  if (may_need_quotes && !reads_as_text(text)) out << YAML::DoubleQuoted;
  out << text;
}

void emit(YAML::Emitter& out, const Node& node, bool flow) {
  switch (node.kind) {
    case Node::Kind::kNull:
      out << YAML::Null;
      return;
    case Node::Kind::kScalar:
      emit_text(out, node.text, node.quoted);
      return;
    case Node::Kind::kList:
      if (flow || !holds_maps(node)) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const Node& child : node.children) emit(out, child, flow);
      out << YAML::EndSeq;
      return;
    case Node::Kind::kMap:
      if (flow || node.children.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const Node& child : node.children) {
        out << YAML::Key;
        emit_text(out, child.key, true);
        out << YAML::Value;
        emit(out, child, flow);
      }
      out << YAML::EndMap;
      return;
  }
}

std::string text_of(const Node& node, bool flow) {
  YAML::Emitter out;
  emit(out, node, flow);
  PAL_ASSERT(out.good(), "yaml: {}", out.GetLastError());
  return out.c_str();
}

std::string step_path(const std::string& path, const std::string& step) {
  return path.empty() ? step : fmt::format("{}.{}", path, step);
}

class Differ {
 public:
  std::vector<Difference> found;

  void compare(const std::string& path, const Node* before, const Node* after) {
    const bool both_maps = before && after && before->is_map() && after->is_map();
    const bool both_lists = before && after && before->is_list() && after->is_list();
    if (both_maps) return compare_maps(path, *before, *after);
    if (both_lists && (holds_maps(*before) || holds_maps(*after)))
      return compare_lists(path, *before, *after);
    const std::string old_text = before ? flow_text(*before) : "(absent)";
    const std::string new_text = after ? flow_text(*after) : "(absent)";
    if (old_text != new_text) found.push_back({path, old_text, new_text});
  }

 private:
  void compare_maps(const std::string& path, const Node& before, const Node& after) {
    for (const Node& entry : before.children) {
      compare(step_path(path, entry.key), &entry, after.child(entry.key));
    }
    for (const Node& entry : after.children) {
      if (!before.child(entry.key)) compare(step_path(path, entry.key), nullptr, &entry);
    }
  }

  void compare_lists(const std::string& path, const Node& before, const Node& after) {
    const auto item = [](const Node& list, std::size_t i) {
      return i < list.children.size() ? &list.children[i] : nullptr;
    };
    for (std::size_t i = 0; i < std::max(before.children.size(), after.children.size()); ++i) {
      compare(step_path(path, std::to_string(i)), item(before, i), item(after, i));
    }
  }
};

}  // namespace

std::string block_text(const Node& node) { return text_of(node, false) + "\n"; }

std::string flow_text(const Node& node) { return text_of(node, true); }

std::vector<Difference> diff(const Node& before, const Node& after) {
  Differ differ;
  differ.compare("", &before, &after);
  return differ.found;
}

std::vector<Difference> diff(const std::string& before, const std::string& after) {
  return diff(parse_yaml(before, "the config before"), parse_yaml(after, "the config after"));
}

}  // namespace pal
