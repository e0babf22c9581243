// Hugging Face's tokenizer.json and the files beside it.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "byte_level_tokenizer.h"
#include "json_reader.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"

namespace pal {
namespace {

using nlohmann::json;

BpeFile read_model(const JsonReader& model) {
  model.expect("type", "BPE", "byte-level BPE");
  BpeFile file;
  file.where = model.where();
  PAL_CHECK(!model.has("dropout") || model.at("dropout").number() == 0, "{}.dropout: not supported",
            model.where());
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    PAL_CHECK(model.text_or(affix, "").empty(), "{}.{}: not supported", model.where(), affix);
  }
  PAL_CHECK(!model.flag_or("byte_fallback", false),
            "{}.byte_fallback: not supported; expected byte-level BPE", model.where());
  file.ignore_merges = model.flag_or("ignore_merges", false);
  file.fuse_unknown = model.flag_or("fuse_unk", false);
  if (model.has("unk_token")) file.unknown_token = model.at("unk_token").text();
  model.at("vocab").for_each_member([&](const std::string& token, const JsonReader& id) {
    file.vocabulary.emplace_back(token, id.integer());
  });
  model.at("merges").for_each([&](const JsonReader& merge) {
    if (merge.value().is_array()) {
      PAL_CHECK(merge.value().size() == 2, "{}: expected two tokens", merge.where());
      file.merges.emplace_back(merge.item(0).text(), merge.item(1).text());
      return;
    }
    const std::string pair = merge.text();
    const std::size_t space = pair.find(' ');
    PAL_CHECK(space != std::string::npos && pair.find(' ', space + 1) == std::string::npos,
              "{}: expected two tokens with one space between, got '{}'", merge.where(), pair);
    file.merges.emplace_back(pair.substr(0, space), pair.substr(space + 1));
  });
  return file;
}

// Appends the steps of a pre_tokenizer and says whether ByteLevel is among them.
bool read_pre_tokenizer(const JsonReader& node, std::vector<std::unique_ptr<PreTokenizer>>& steps,
                        int depth = 0) {
  PAL_CHECK(depth < 8, "{}: nested too deeply", node.where());
  const std::string type = node.at("type").text();
  if (type == "Sequence") {
    bool byte_level = false;
    node.at("pretokenizers").for_each([&](const JsonReader& step) {
      byte_level = read_pre_tokenizer(step, steps, depth + 1) || byte_level;
    });
    return byte_level;
  }
  if (type == "ByteLevel") {
    steps.push_back(make_byte_level(node.at("add_prefix_space").flag(), node.flag_or("use_regex", true)));
    return true;
  }
  if (type == "Digits") {
    steps.push_back(make_digits(node.flag_or("individual_digits", false)));
  } else if (type == "Split") {
    const auto behavior = split_behavior(node.at("behavior").text(), node.where());
    const bool invert = node.flag_or("invert", false);
    const JsonReader pattern = node.at("pattern");
    steps.push_back(pattern.has("Regex")
                        ? make_split(pattern.at("Regex").text(), behavior, invert, pattern.where())
                        : make_literal_split(pattern.at("String").text(), behavior, invert, pattern.where()));
  } else {
    user_error("{}: pre-tokenizer '{}' is not supported; supported: Sequence, Split, Digits, ByteLevel",
               node.where(), type);
  }
  return false;
}

bool read_normalizer(const JsonReader& root) {
  if (!root.has("normalizer")) return false;
  const JsonReader normalizer = root.at("normalizer");
  normalizer.expect("type", "NFC", "NFC or null");
  return true;
}

void read_decoder(const JsonReader& root) {
  const JsonReader decoder = root.at("decoder");
  decoder.expect("type", "ByteLevel", "ByteLevel");
}

std::vector<AddedToken> read_added_tokens(const JsonReader& root) {
  std::vector<AddedToken> tokens;
  if (!root.has("added_tokens")) return tokens;
  root.at("added_tokens").for_each([&](const JsonReader& node) {
    AddedToken token;
    token.id = node.at("id").integer();
    token.content = node.at("content").text();
    token.special = node.at("special").flag();
    token.single_word = node.at("single_word").flag();
    token.lstrip = node.at("lstrip").flag();
    token.rstrip = node.at("rstrip").flag();
    token.normalized = node.at("normalized").flag();
    PAL_CHECK(token.id >= 0 && token.id < 10'000'000, "{}.id: expected 0 to 9999999, got {}", node.where(),
              token.id);
    tokens.push_back(std::move(token));
  });
  return tokens;
}

// A tokenizer that disagrees with itself would encode one way and decode another.
void check_added_tokens(const std::vector<AddedToken>& tokens, const BpeFile& model,
                        const std::string& where) {
  StringMap<std::int64_t> ids;
  std::unordered_map<std::int64_t, std::string> contents;
  for (const auto& [token, id] : model.vocabulary) {
    ids.emplace(token, id);
    contents.emplace(id, token);
  }
  for (const AddedToken& token : tokens) {
    const auto id = ids.emplace(token.content, token.id).first->second;
    PAL_CHECK(id == token.id, "{}: added token '{}' has the ids {} and {}", where, token.content, id,
              token.id);
    const auto& content = contents.emplace(token.id, token.content).first->second;
    PAL_CHECK(content == token.content, "{}: the id {} stands for '{}' and for the added token '{}'", where,
              token.id, content, token.content);
  }
}

// TemplateProcessing of a single text: special tokens before and after it.
void read_template_processing(const JsonReader& node, ByteLevelParts& parts) {
  bool after_text = false;
  node.at("single").for_each([&](const JsonReader& piece) {
    if (piece.has("Sequence")) {
      PAL_CHECK(!after_text, "{}: the text is there twice", node.where());
      after_text = true;
      return;
    }
    const std::string name = piece.at("SpecialToken").at("id").text();
    node.at("special_tokens").at(name).at("ids").for_each([&](const JsonReader& id) {
      (after_text ? parts.suffix : parts.prefix).push_back(id.integer());
    });
  });
  PAL_CHECK(after_text, "{}.single: has no place for the text", node.where());
}

void read_post_processor(const JsonReader& node, ByteLevelParts& parts) {
  const std::string type = node.at("type").text();
  if (type == "ByteLevel") return;  // mends offsets only
  if (type == "TemplateProcessing") {
    read_template_processing(node, parts);
  } else if (type == "Sequence") {
    int templates = 0;
    node.at("processors").for_each([&](const JsonReader& processor) {
      const std::string inner = processor.at("type").text();
      PAL_CHECK(inner != "Sequence" && (inner != "TemplateProcessing" || ++templates == 1),
                "{}: this combination of post-processors is not supported", node.where());
      read_post_processor(processor, parts);
    });
  } else {
    user_error("{}: post-processor '{}' is not supported; supported: ByteLevel, TemplateProcessing, Sequence",
               node.where(), type);
  }
}

json read_json(const std::filesystem::path& path) {
  return parse_strict_json(read_file(path), path.string(), 64);
}

// "bos_token" of tokenizer_config.json: a text, or an added token with its content.
std::optional<std::int64_t> named_token(const JsonReader& config, const char* name,
                                        const ByteLevelParts& parts) {
  if (!config.has(name)) return std::nullopt;
  const JsonReader node = config.at(name);
  const std::string content = node.value().is_object() ? node.at("content").text() : node.text();
  for (const AddedToken& token : parts.added) {
    if (token.content == content) return token.id;
  }
  for (const auto& [token, id] : parts.model.vocabulary) {
    if (token == content) return id;
  }
  user_error("{}: the token '{}' is not in the vocabulary", node.where(), content);
}

// One template, or several by name, of which the one named "default" is meant.
std::string read_chat_template(const JsonReader& config) {
  if (!config.has("chat_template")) return "";
  const JsonReader node = config.at("chat_template");
  if (!node.value().is_array()) return node.text();
  std::string source;
  node.for_each([&](const JsonReader& named) {
    if (named.at("name").text() == "default") source = named.at("template").text();
  });
  PAL_CHECK(!source.empty(), "{}: none of the templates is named 'default'", node.where());
  return source;
}

TokenizerSettings read_settings(const std::filesystem::path& folder, const ByteLevelParts& parts) {
  TokenizerSettings settings;
  std::vector<std::int64_t> eos;
  std::error_code error;
  if (const auto path = folder / "tokenizer_config.json"; std::filesystem::exists(path, error)) {
    const json value = read_json(path);
    const JsonReader config(value, path.string());
    settings.bos = named_token(config, "bos_token", parts);
    settings.eos = named_token(config, "eos_token", parts);
    settings.chat_template = read_chat_template(config);
    if (settings.eos) eos.push_back(*settings.eos);
  }
  if (const auto path = folder / "chat_template.jinja"; std::filesystem::exists(path, error)) {
    settings.chat_template = read_file(path);
  }
  if (const auto path = folder / "generation_config.json"; std::filesystem::exists(path, error)) {
    const json value = read_json(path);
    const JsonReader config(value, path.string());
    if (config.has("eos_token_id")) {
      const JsonReader node = config.at("eos_token_id");
      if (node.value().is_array()) {
        node.for_each([&](const JsonReader& id) { eos.push_back(id.integer()); });
      } else {
        eos.push_back(node.integer());
      }
      if (!settings.eos && !eos.empty()) settings.eos = eos.front();
    }
  }
  settings.stop = find_stop_tokens(std::move(eos), parts.added);
  return settings;
}

}  // namespace

std::unique_ptr<Tokenizer> load_json_tokenizer(const std::filesystem::path& path) {
  const json value = read_json(path);
  const JsonReader root(value, path.string());
  ByteLevelParts parts;
  // The kind first: of a tokenizer that is not supported, its name is what the user needs to hear.
  PAL_CHECK(root.has("pre_tokenizer"), "{}: has no pre_tokenizer; only byte-level BPE is supported",
            root.where());
  const bool byte_level = read_pre_tokenizer(root.at("pre_tokenizer"), parts.pre_tokenizers);
  PAL_CHECK(byte_level, "{}.pre_tokenizer: has no ByteLevel step; only byte-level BPE is supported",
            root.where());
  parts.nfc = read_normalizer(root);
  read_decoder(root);
  parts.model = read_model(root.at("model"));
  parts.added = read_added_tokens(root);
  check_added_tokens(parts.added, parts.model, path.string());
  if (root.has("post_processor")) read_post_processor(root.at("post_processor"), parts);
  TokenizerSettings settings = read_settings(path.parent_path(), parts);
  return std::make_unique<ByteLevelTokenizer>(std::move(parts), std::move(settings));
}

}  // namespace pal
