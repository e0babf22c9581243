// Hugging Face's tokenizer.json.
#include <nlohmann/json.hpp>

#include "bpe_model.h"
#include "json_reader.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"
#include "pipeline_tokenizer.h"
#include "tokenizer_formats.h"
#include "tokenizer_json_steps.h"
#include "tokenizer_settings.h"
#include "wordpiece_model.h"

namespace pal {
namespace {

using nlohmann::json;

BpeFile read_bpe(const JsonReader& model, bool byte_level) {
  BpeFile file;
  file.where = model.where();
  file.byte_level = byte_level;
  PAL_CHECK(!model.has("dropout") || model.at("dropout").number() == 0, "{}.dropout: not supported",
            model.where());
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    PAL_CHECK(model.text_or(affix, "").empty(), "{}.{}: not supported", model.where(), affix);
  }
  file.byte_fallback = model.flag_or("byte_fallback", false);
  PAL_CHECK(!file.byte_fallback || !byte_level, "{}.byte_fallback: not supported for byte-level BPE", model.where());
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

WordpieceFile read_wordpiece(const JsonReader& model) {
  WordpieceFile file;
  file.where = model.where();
  model.at("vocab").for_each_member([&](const std::string& token, const JsonReader& id) {
    file.vocabulary.emplace_back(token, id.integer());
  });
  file.unknown_token = model.at("unk_token").text();
  file.prefix = model.text_or("continuing_subword_prefix", "##");
  file.longest_word = model.at("max_input_chars_per_word").integer();
  return file;
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

// TemplateProcessing of a single text: special tokens before and after it.
void read_template_processing(const JsonReader& node, PipelineParts& parts) {
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

void read_post_processor(const JsonReader& node, PipelineParts& parts) {
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

// "bos_token" of tokenizer_config.json: a text, or an added token with its content.
std::optional<std::int64_t> named_token(const JsonReader& config, const char* name,
                                        const PipelineParts& parts) {
  if (!config.has(name)) return std::nullopt;
  const JsonReader node = config.at(name);
  const std::string content = node.value().is_object() ? node.at("content").text() : node.text();
  for (const AddedToken& token : parts.added) {
    if (token.content == content) return token.id;
  }
  const auto id = parts.model->tokens().id(content);
  PAL_CHECK(id, "{}: the token '{}' is not in the vocabulary", node.where(), content);
  return id;
}

}  // namespace

std::unique_ptr<Tokenizer> load_json_tokenizer(const std::filesystem::path& path) {
  const json value = parse_strict_json(read_file(path), path.string(), 64);
  const JsonReader root(value, path.string());
  // The kind first: of a tokenizer that is not supported, its name is what the user needs to hear.
  const JsonReader model = root.at("model");
  const bool wordpiece = model.at("type").text() == "WordPiece";
  if (!wordpiece) model.expect("type", "BPE", "BPE, WordPiece");
  TokenizerSteps steps = read_tokenizer_steps(root);
  PipelineParts parts;
  parts.normalizers = std::move(steps.normalizers);
  parts.pre_tokenizers = std::move(steps.pre_tokenizers);
  parts.decoders = std::move(steps.decoders);
  parts.added = read_added_tokens(root);
  if (wordpiece) {
    PAL_CHECK(!steps.byte_level, "{}: ByteLevel steps with a WordPiece model are not supported", model.where());
    WordpieceFile file = read_wordpiece(model);
    check_added_tokens(parts.added, file.vocabulary, path.string());
    parts.model = std::make_unique<WordpieceModel>(std::move(file));
  } else {
    BpeFile file = read_bpe(model, steps.byte_level);
    check_added_tokens(parts.added, file.vocabulary, path.string());
    parts.model = std::make_unique<BpeModel>(std::move(file));
  }
  if (root.has("post_processor")) read_post_processor(root.at("post_processor"), parts);

  std::optional<std::int64_t> bos, eos;
  const auto folder = path.parent_path();
  if (const auto beside = read_json_beside(folder, "tokenizer_config.json")) {
    const JsonReader config(*beside, (folder / "tokenizer_config.json").string());
    bos = named_token(config, "bos_token", parts);
    eos = named_token(config, "eos_token", parts);
  }
  TokenizerSettings settings = read_settings(folder, bos, eos, parts.added);
  return std::make_unique<PipelineTokenizer>(std::move(parts), std::move(settings));
}

}  // namespace pal
