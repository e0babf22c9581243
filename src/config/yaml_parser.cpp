#include "pal/config/yaml_parser.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "pal/core/check.h"
#include "text_check.h"

namespace pal {

namespace {

std::size_t expanded_bytes(const Node& node) {
  std::size_t bytes = YamlLimits::kNodeBytes + node.key.size() + node.text.size();
  for (const Node& child : node.children) bytes += expanded_bytes(child);
  return bytes;
}

int depth_of(const Node& node) {
  int deepest = 0;
  for (const Node& child : node.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

// Refuses a second document, at which yaml-cpp may stay for ever: it never takes a comma outside of brackets.
class OneDocument : public YAML::EventHandler {
 public:
  OneDocument(std::string source, Lines lines)
      : source_(std::make_shared<const std::string>(std::move(source))), lines_(lines) {}

  Origin origin(const YAML::Mark& mark) const {
    return {source_, lines_ == Lines::kBare || mark.is_null() ? 0 : mark.line + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) final {
    PAL_CHECK(documents_ == 0 || mark.pos != begin_, "{}: no value can begin with what stands here; is it a stray comma?",
              origin(mark).text());
    PAL_CHECK(documents_++ == 0, "{}: a second document starts here; expected one", origin(mark).text());
    begin_ = mark.pos;
  }
  void OnDocumentEnd() final {}

 private:
  std::shared_ptr<const std::string> source_;
  Lines lines_;
  int documents_ = 0;
  int begin_ = 0;  // of the first
};

// Builds the nodes from yaml-cpp's events. (Its own nodes lose what we check: keys given twice, quotes, sizes.)
class TreeBuilder : public OneDocument {
 public:
  using OneDocument::OneDocument;
  Node take_root() { return std::move(root_); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_as_key(mark, "nothing");
    finish(start(mark, Node::Kind::kNull), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_as_key(mark, "an alias");
    const auto named = anchors_.find(anchor);
    PAL_CHECK(named != anchors_.end(), "{}: an alias inside the value that it stands for",
              origin(mark).text());
    spend(mark, expanded_bytes(named->second));
    check_depth(mark, depth_of(named->second));
    Node node = named->second;
    node.origin = origin(mark);
    place(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    PAL_CHECK(tag == "?" || tag == "!" || tag.empty(), "{}: unknown tag '{}'; values need none",
              origin(mark).text(), tag);
    spend(mark, value.size());
    if (expects_key()) return take_key(mark, anchor, value);
    Node node = start(mark, Node::Kind::kScalar);
    node.text = value;
    node.quoted = tag == "!";
    finish(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    PAL_CHECK(tag == "?" || tag.empty(), "{}: unknown tag '{}'; lists take none", origin(mark).text(), tag);
    open(mark, Node::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    PAL_CHECK(tag == "?" || tag.empty() || tag == "!replace",
              "{}: unknown tag '{}'; the only one is !replace", origin(mark).text(), tag);
    open(mark, Node::Kind::kMap, anchor);
    open_.back().node.replaces = tag == "!replace";
  }
  void OnMapEnd() override {
    refuse_double_keys(open_.back().node);
    close();
  }

 private:
  struct Open {  // a list or map whose end is still to come
    Node node;
    YAML::anchor_t anchor;
    std::optional<std::string> key;  // of the next value of a map
    Origin key_origin;
  };

  bool expects_key() const { return !open_.empty() && open_.back().node.is_map() && !open_.back().key; }

  void refuse_as_key(const YAML::Mark& mark, const char* what) const {
    PAL_CHECK(!expects_key(), "{}: expected a key, got {}; a key is a plain word", origin(mark).text(), what);
  }

  void take_key(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& key) {
    PAL_CHECK(!key.empty(), "{}: expected a key, got empty text", origin(mark).text());
    PAL_CHECK(key.size() <= YamlLimits::kKeyBytes, "{}: a key of {} bytes; it may have {}",
              origin(mark).text(), key.size(), YamlLimits::kKeyBytes);
    PAL_CHECK(key != "<<", "{}: merge keys (<<) are not supported; use 'base:' or repeat the keys",
              origin(mark).text());
    PAL_CHECK(anchor == 0, "{}: an anchor on the key '{}'; anchors belong on values", origin(mark).text(),
              key);
    open_.back().key = key;
    open_.back().key_origin = origin(mark);
  }

  void spend(const YAML::Mark& mark, std::size_t bytes) {
    spent_ += bytes;
    PAL_CHECK(spent_ <= YamlLimits::kExpandedBytes, "{}: the document is too large with its aliases expanded",
              origin(mark).text());
  }

  void check_depth(const YAML::Mark& mark, int more) const {
    PAL_CHECK(static_cast<int>(open_.size()) + more <= YamlLimits::kDepth,
              "{}: nested more than {} levels deep", origin(mark).text(), YamlLimits::kDepth);
  }

  Node start(const YAML::Mark& mark, Node::Kind kind) {
    spend(mark, YamlLimits::kNodeBytes);
    Node node;
    node.kind = kind;
    node.origin = origin(mark);
    return node;
  }

  void open(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
    refuse_as_key(mark, kind == Node::Kind::kMap ? "a map" : "a list");
    check_depth(mark, 1);
    open_.push_back({start(mark, kind), anchor, {}, {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    finish(std::move(done.node), done.anchor);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      spent_ += expanded_bytes(node);  // the copy is kept; the next value is refused where that is too much
      anchors_[anchor] = node;
    }
    place(std::move(node));
  }

  void place(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_map()) {
      node.key = std::move(*parent.key);
      node.origin = parent.key_origin;
      parent.key.reset();
    }
    parent.node.children.push_back(std::move(node));
  }

  static void refuse_double_keys(const Node& map) {
    std::vector<const Node*> entries;
    for (const Node& entry : map.children) entries.push_back(&entry);
    std::ranges::stable_sort(entries, {}, [](const Node* entry) -> const std::string& { return entry->key; });
    const auto twice = std::ranges::adjacent_find(
        entries, {}, [](const Node* entry) -> const std::string& { return entry->key; });
    if (twice == entries.end()) return;
    user_error("{}: key '{}' was given before at {}; keep one", twice[1]->origin.text(), twice[1]->key,
               twice[0]->origin.text());
  }

  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t spent_ = 0;
};

// Sees nothing: for a first pass that reports what is wrong with the YAML itself. (For a bracket that is never closed
// yaml-cpp opens a map that nobody wrote, of which TreeBuilder would complain.)
class SyntaxCheck : public OneDocument {
 public:
  using OneDocument::OneDocument;

 private:
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

void parse(std::string_view text, YAML::EventHandler& handler) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(handler)) {
  }
}

}  // namespace

Node parse_yaml(std::string_view text, const std::string& source, Lines lines) {
  TreeBuilder builder(source, lines);
  check_text(text, source, lines);
  try {
    SyntaxCheck nothing(source, lines);
    parse(text, nothing);
    parse(text, builder);
  } catch (const YAML::Exception& error) {
    user_error("{}: {}{}", builder.origin(error.mark).text(), error.msg,
               syntax_hint(error.msg, text, error.mark.is_null() ? -1 : error.mark.line));
  }
  Node root = builder.take_root();
  root.origin = builder.origin(YAML::Mark::null_mark());
  return root;
}

}  // namespace pal
