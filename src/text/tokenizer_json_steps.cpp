#include "tokenizer_json_steps.h"

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

constexpr int kDeepest = 8;  // sequences in sequences

// Calls `use` on every step of a node that may be a Sequence with the steps under `list`.
template <typename Use>
void for_each_step(const JsonReader& node, const char* list, const Use& use, int depth = 0) {
  PAL_CHECK(depth < kDeepest, "{}: nested too deeply", node.where());
  const std::string type = node.at("type").text();
  if (type != "Sequence") return use(node, type);
  node.at(list).for_each([&](const JsonReader& step) { for_each_step(step, list, use, depth + 1); });
}

// The text that a Replace step looks for.
std::string read_literal(const JsonReader& step) {
  const JsonReader pattern = step.at("pattern");
  PAL_CHECK(pattern.has("String"), "{}: a Replace with a regex is not supported; supported: a String",
            pattern.where());
  const std::string text = pattern.at("String").text();
  PAL_CHECK(!text.empty(), "{}.String: is empty", pattern.where());
  return text;
}

BertNormalizerOptions read_bert_normalizer(const JsonReader& step) {
  BertNormalizerOptions options;
  options.clean_text = step.flag_or("clean_text", true);
  options.chinese = step.flag_or("handle_chinese_chars", true);
  options.lowercase = step.flag_or("lowercase", true);
  options.strip_accents = step.flag_or("strip_accents", options.lowercase);
  return options;
}

void read_normalizers(const JsonReader& root, TokenizerSteps& steps) {
  if (!root.has("normalizer")) return;
  for_each_step(root.at("normalizer"), "normalizers", [&](const JsonReader& step, const std::string& type) {
    if (type == "NFC") {
      steps.normalizers.push_back(make_nfc());
    } else if (type == "Prepend") {
      steps.normalizers.push_back(make_prepend(step.at("prepend").text()));
    } else if (type == "Replace") {
      steps.normalizers.push_back(make_replace(read_literal(step), step.at("content").text()));
    } else if (type == "BertNormalizer") {
      steps.normalizers.push_back(make_bert_normalizer(read_bert_normalizer(step)));
    } else {
      user_error("{}: normalizer '{}' is not supported; supported: Sequence, NFC, Prepend, Replace, BertNormalizer",
                 step.where(), type);
    }
  });
}

struct MetaspaceOptions {
  std::string mark;
  MetaspacePrefix prefix;
};

MetaspaceOptions read_metaspace(const JsonReader& step) {
  MetaspaceOptions options;
  options.mark = step.at("replacement").text();
  PAL_CHECK(to_utf32(options.mark).size() == 1, "{}.replacement: expected one character, got '{}'", step.where(),
            options.mark);
  const std::string scheme = step.text_or("prepend_scheme", "always");
  if (scheme == "always") {
    options.prefix = MetaspacePrefix::kAlways;
  } else if (scheme == "first") {
    options.prefix = MetaspacePrefix::kFirst;
  } else {
    PAL_CHECK(scheme == "never", "{}.prepend_scheme: expected always, first or never, got '{}'", step.where(),
              scheme);
    options.prefix = MetaspacePrefix::kNever;
  }
  // Older files have add_prefix_space; newer ones may have both.
  const bool prefixed = options.prefix != MetaspacePrefix::kNever;
  PAL_CHECK(step.flag_or("add_prefix_space", prefixed) == prefixed,
            "{}: add_prefix_space does not agree with prepend_scheme '{}'", step.where(), scheme);
  return options;
}

std::unique_ptr<PreTokenizer> read_split(const JsonReader& step) {
  const auto behavior = split_behavior(step.at("behavior").text(), step.where());
  const bool invert = step.flag_or("invert", false);
  const JsonReader pattern = step.at("pattern");
  return pattern.has("Regex")
             ? make_split(pattern.at("Regex").text(), behavior, invert, pattern.where())
             : make_literal_split(pattern.at("String").text(), behavior, invert, pattern.where());
}

void read_pre_tokenizers(const JsonReader& root, TokenizerSteps& steps) {
  if (!root.has("pre_tokenizer")) return;
  bool metaspace = false;
  for_each_step(root.at("pre_tokenizer"), "pretokenizers", [&](const JsonReader& step, const std::string& type) {
    auto& list = steps.pre_tokenizers;
    if (type == "ByteLevel") {
      steps.byte_level = true;
      list.push_back(make_byte_level(step.at("add_prefix_space").flag(), step.flag_or("use_regex", true)));
    } else if (type == "Digits") {
      list.push_back(make_digits(step.flag_or("individual_digits", false)));
    } else if (type == "Split") {
      list.push_back(read_split(step));
    } else if (type == "Metaspace") {
      const MetaspaceOptions options = read_metaspace(step);
      const bool whole_text = list.empty() && steps.normalizers.empty();
      PAL_CHECK(options.prefix != MetaspacePrefix::kFirst || whole_text,
                "{}: prepend_scheme 'first' is supported only for a first pre-tokenizer without a normalizer",
                step.where());
      metaspace = true;
      list.push_back(make_metaspace(options.mark, options.prefix, step.flag_or("split", true)));
    } else if (type == "BertPreTokenizer") {
      list.push_back(make_bert_pre_tokenizer());
    } else {
      user_error(
          "{}: pre-tokenizer '{}' is not supported; supported: Sequence, Split, Digits, ByteLevel, Metaspace, "
          "BertPreTokenizer",
          step.where(), type);
    }
  });
  PAL_CHECK(!metaspace || !steps.byte_level, "{}.pre_tokenizer: Metaspace and ByteLevel together are not supported",
            root.where());
}

std::size_t read_count(const JsonReader& step, const char* name) {
  const std::int64_t count = step.at(name).integer();
  PAL_CHECK(count >= 0 && count <= 1000, "{}.{}: expected 0 to 1000, got {}", step.where(), name, count);
  return static_cast<std::size_t>(count);
}

// Appends the decoder that a step names and says whether it is ByteLevel.
bool read_decoder(const JsonReader& step, const std::string& type, TokenizerSteps& steps) {
  auto& list = steps.decoders;
  if (type == "ByteLevel") {
    list.push_back(make_byte_level_decoder());
  } else if (type == "Replace") {
    list.push_back(make_replace_decoder(read_literal(step), step.at("content").text()));
  } else if (type == "ByteFallback") {
    list.push_back(make_byte_fallback_decoder());
  } else if (type == "Fuse") {
    list.push_back(make_fuse_decoder());
  } else if (type == "Strip") {
    const std::u32string content = to_utf32(step.at("content").text());
    PAL_CHECK(content.size() == 1, "{}.content: expected one character", step.where());
    list.push_back(make_strip_decoder(content.front(), read_count(step, "start"), read_count(step, "stop")));
  } else if (type == "Metaspace") {
    const MetaspaceOptions options = read_metaspace(step);
    list.push_back(make_metaspace_decoder(options.mark, options.prefix != MetaspacePrefix::kNever));
  } else if (type == "WordPiece") {
    list.push_back(make_wordpiece_decoder(step.text_or("prefix", "##"), step.flag_or("cleanup", true)));
  } else {
    user_error(
        "{}: decoder '{}' is not supported; supported: Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip, "
        "Metaspace, WordPiece",
        step.where(), type);
  }
  return type == "ByteLevel";
}

}  // namespace

TokenizerSteps read_tokenizer_steps(const JsonReader& root) {
  TokenizerSteps steps;
  read_normalizers(root, steps);
  read_pre_tokenizers(root, steps);
  bool byte_level = false;
  for_each_step(root.at("decoder"), "decoders", [&](const JsonReader& step, const std::string& type) {
    byte_level = read_decoder(step, type, steps) || byte_level;
  });
  PAL_CHECK(byte_level == steps.byte_level,
            "{}: a ByteLevel {} without a ByteLevel {} is not supported", root.where(),
            byte_level ? "decoder" : "pre_tokenizer", byte_level ? "pre_tokenizer" : "decoder");
  return steps;
}

}  // namespace pal
