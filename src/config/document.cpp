#include "pal/config/document.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "pal/config/yaml_parser.h"
#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBaseDepth = 16;
constexpr int kBaseFiles = 64;

void merge(Node& into, Node over) {
  if (!into.is_map() || !over.is_map() || over.replaces) {
    into = std::move(over);
    return;
  }
  into.origin = over.origin;
  for (Node& entry : over.children) {
    if (Node* inherited = into.child(entry.key)) {
      merge(*inherited, std::move(entry));
    } else {
      into.children.push_back(std::move(entry));
    }
  }
}

class Loader {
 public:
  Node load(const fs::path& path) {
    PAL_CHECK(++files_ <= kBaseFiles, "{}: 'base' leads to more than {} files", path.string(), kBaseFiles);
    Node own = parse_yaml(read_file(path, YamlLimits::kFileBytes), path.string());
    PAL_CHECK(!own.is_null(), "{}: the file is empty; expected a map of options", path.string());
    PAL_CHECK(own.is_map(), "{}: expected a map of options, got {}", path.string(), shown(own));
    const std::vector<Node> bases = take_bases(own);
    if (bases.empty()) return own;
    chain_.push_back(path);
    Node whole = Node::map();
    for (const Node& base : bases) merge(whole, load_base(path, base));
    chain_.pop_back();
    merge(whole, std::move(own));
    return whole;
  }

 private:
  static std::vector<Node> take_bases(Node& own) {
    const Node* base = own.child("base");
    if (!base) return {};
    std::vector<Node> bases = base->is_list() ? base->children : std::vector{*base};
    for (const Node& name : bases) {
      PAL_CHECK(name.is_scalar() && !name.text.empty(),
                "{}: 'base': expected a file or a list of files, got {}", name.origin.text(), shown(name));
    }
    std::erase_if(own.children, [](const Node& entry) { return entry.key == "base"; });
    return bases;
  }

  Node load_base(const fs::path& from, const Node& base) {
    const fs::path path = (from.parent_path() / base.text).lexically_normal();
    const std::string where = base.origin.text();
    std::error_code error;
    PAL_CHECK(fs::is_regular_file(path, error), "{}: 'base': no file {}; the path is relative to {}", where,
              path.string(), from.string());
    PAL_CHECK(!leads_back(path), "{}: 'base' leads back to {}: {} -> {}", where, path.string(), chain(),
              path.string());
    PAL_CHECK(chain_.size() < kBaseDepth, "{}: 'base' is more than {} files deep: {}", where, kBaseDepth,
              chain());
    return load(path);
  }

  bool leads_back(const fs::path& path) const {
    return std::ranges::any_of(chain_, [&](const fs::path& open) { return fs::equivalent(open, path); });
  }

  std::string chain() const {
    std::vector<std::string> names;
    for (const fs::path& path : chain_) names.push_back(path.string());
    return fmt::format("{}", fmt::join(names, " -> "));
  }

  std::vector<fs::path> chain_;  // the files whose bases are being read
  int files_ = 0;
};

std::string elements_of(const Node& list) {
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < list.children.size(); ++i) {
    const Node* name = list.children[i].is_map() ? list.children[i].child("name") : nullptr;
    elements.push_back(name && name->is_scalar() ? fmt::format("{} ({})", i, name->text) : std::to_string(i));
  }
  return elements.empty() ? "it is empty" : fmt::format("it has {}", fmt::join(elements, ", "));
}

// The child `step` of `node`, made where a map lacks it.
Node& descend(Node& node, const std::string& path, const std::string& step, const Origin& origin) {
  const std::string where = origin.text();
  PAL_CHECK(!step.empty(), "{}: an empty key in the path; expected KEY.PATH=VALUE", where);
  if (Node* child = node.child(step)) return *child;
  PAL_CHECK(!node.is_list(), "{}: '{}' has no element '{}'; {}", where, path, step, elements_of(node));
  PAL_CHECK(!node.is_scalar(), "{}: '{}' is {} ({}), not a map, so it has no key '{}'", where, path,
            shown(node), node.origin.text(), step);
  if (node.is_null()) node.origin = origin;
  node.kind = Node::Kind::kMap;
  Node& child = node.add(step, Node::null());
  child.origin = origin;
  return child;
}

}  // namespace

void apply_set(Node& root, const std::string& set) {
  const std::string source = "--set " + set;
  const std::size_t equals = set.find('=');
  PAL_CHECK(equals != set.npos && equals > 0, "{}: expected KEY.PATH=VALUE", source);
  Node value = parse_yaml(set.substr(equals + 1), source, Lines::kBare);
  const std::vector<std::string> steps = split_path(std::string_view(set).substr(0, equals));
  PAL_CHECK(steps.front() != "base", "{}: 'base' can be given only in a file", source);
  Node* node = &root;
  std::string path;
  for (const std::string& step : steps) {
    node = &descend(*node, path, step, value.origin);
    path += path.empty() ? step : "." + step;
  }
  value.key = node->key;
  *node = std::move(value);
}

Node load_document(const fs::path& path, const std::vector<std::string>& sets) {
  Node root = Loader().load(path);
  for (const std::string& set : sets) apply_set(root, set);
  return root;
}

}  // namespace pal
