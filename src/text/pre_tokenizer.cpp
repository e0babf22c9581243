#include "pre_tokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "pal/core/check.h"
#include "regex.h"
#include "unicode.h"

namespace pal {
namespace {

// Matches and gaps as the pieces that the behaviour makes of them. Merging looks at the match before (or behind)
// only, so of several matches in a row just the first is merged, as in the reference.
std::vector<Stretch> arrange(std::vector<Stretch> stretches, SplitBehavior behavior) {
  if (behavior == SplitBehavior::kIsolated) return stretches;
  if (behavior == SplitBehavior::kRemoved) {
    std::erase_if(stretches, [](const Stretch& stretch) { return stretch.matched; });
    return stretches;
  }
  const bool backwards = behavior == SplitBehavior::kMergedWithNext;
  if (backwards) std::reverse(stretches.begin(), stretches.end());
  std::vector<Stretch> pieces;
  bool previous_matched = false;
  for (const Stretch& stretch : stretches) {
    const bool joins = behavior == SplitBehavior::kContiguous ? stretch.matched == previous_matched
                                                              : stretch.matched && !previous_matched;
    previous_matched = stretch.matched;
    if (!joins || pieces.empty()) {
      pieces.push_back(stretch);
    } else if (backwards) {
      pieces.back().begin = stretch.begin;
    } else {
      pieces.back().end = stretch.end;
    }
  }
  if (backwards) std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

// Cuts every piece by `find` (piece -> stretches) and drops empty pieces.
template <typename Find>
void cut(Pieces& pieces, const Find& find) {
  std::vector<std::string_view> views;
  for (std::string_view view : pieces.views) {
    for (const Stretch& stretch : find(view)) {
      if (stretch.end > stretch.begin)
        views.push_back(view.substr(stretch.begin, stretch.end - stretch.begin));
    }
  }
  pieces.views = std::move(views);
}

class Split : public PreTokenizer {
 public:
  Split(std::string_view regex, SplitBehavior behavior, bool invert, std::string_view where)
      : regex_(regex, where), behavior_(behavior), invert_(invert) {}

  void apply(Pieces& pieces) const override {
    cut(pieces, [this](std::string_view view) {
      std::vector<Stretch> stretches = regex_.split(view);
      if (invert_) {
        for (Stretch& stretch : stretches) stretch.matched = !stretch.matched;
      }
      return arrange(std::move(stretches), behavior_);
    });
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(bool individual) : individual_(individual) {}

  void apply(Pieces& pieces) const override {
    cut(pieces, [this](std::string_view view) {
      std::vector<Stretch> stretches;
      for (std::size_t at = 0; at < view.size();) {
        const std::size_t begin = at;
        const auto code_point = static_cast<UChar32>(next_code_point(view, at));
        const bool number = (U_GET_GC_MASK(code_point) & U_GC_N_MASK) != 0;
        if (!stretches.empty() && stretches.back().matched == number && !(number && individual_)) {
          stretches.back().end = at;
        } else {
          stretches.push_back({begin, at, number});
        }
      }
      return stretches;
    });
  }

 private:
  bool individual_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex) : add_prefix_space_(add_prefix_space) {
    if (use_regex) split_ = make_split(kGpt2Regex, SplitBehavior::kIsolated, false, "ByteLevel");
  }

  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) {
      for (std::string_view& view : pieces.views) {
        if (!view.starts_with(' ')) view = pieces.changed.emplace_back(" ").append(view);
      }
    }
    if (split_) split_->apply(pieces);
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<PreTokenizer> split_;
};

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::string mark, MetaspacePrefix prefix, bool cut) : mark_(std::move(mark)), prefix_(prefix) {
    if (cut) split_ = make_literal_split(mark_, SplitBehavior::kMergedWithNext, false, "Metaspace");
  }

  void apply(Pieces& pieces) const override {
    bool first = pieces.at_start;
    for (std::string_view& view : pieces.views) {
      std::string& text = pieces.changed.emplace_back(view);
      replace_all(text, " ", mark_);
      const bool prefixed =
          prefix_ == MetaspacePrefix::kAlways || (prefix_ == MetaspacePrefix::kFirst && first);
      if (prefixed && !text.empty() && !text.starts_with(mark_)) text.insert(0, mark_);
      view = text;
      first = false;
    }
    if (split_) split_->apply(pieces);
  }

 private:
  std::string mark_;
  MetaspacePrefix prefix_;
  std::unique_ptr<PreTokenizer> split_;
};

}  // namespace

SplitBehavior split_behavior(std::string_view name, std::string_view where) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  user_error(
      "{}: split behavior '{}'; expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous",
      where, name);
}

std::unique_ptr<PreTokenizer> make_split(std::string_view regex, SplitBehavior behavior, bool invert,
                                         std::string_view where) {
  return std::make_unique<Split>(regex, behavior, invert, where);
}

std::unique_ptr<PreTokenizer> make_literal_split(std::string_view literal, SplitBehavior behavior,
                                                 bool invert, std::string_view where) {
  return std::make_unique<Split>(escape_regex(literal), behavior, invert, where);
}

std::unique_ptr<PreTokenizer> make_digits(bool individual) { return std::make_unique<Digits>(individual); }

std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_regex) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex);
}

std::unique_ptr<PreTokenizer> make_metaspace(std::string mark, MetaspacePrefix prefix, bool cut) {
  return std::make_unique<Metaspace>(std::move(mark), prefix, cut);
}

std::vector<std::unique_ptr<PreTokenizer>> gguf_pre_tokenizers(std::string_view pre, std::string_view where) {
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  if (pre == "gpt-2" || pre == "gpt2") {
    steps.push_back(make_byte_level(false, true));
  } else if (pre == "smollm") {
    steps.push_back(make_digits(true));
    steps.push_back(make_byte_level(false, true));
  } else if (pre == "llama-bpe" || pre == "llama3") {
    steps.push_back(make_split(kLlama3Regex, SplitBehavior::kIsolated, false, where));
  } else if (pre == "qwen2") {
    steps.push_back(make_split(kQwen2Regex, SplitBehavior::kIsolated, false, where));
  } else {
    user_error("{}: tokenizer.ggml.pre is '{}'; supported: gpt-2, llama-bpe, qwen2, smollm", where, pre);
  }
  return steps;
}

}  // namespace pal
