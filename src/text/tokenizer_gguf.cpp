// The tokenizer inside a GGUF file (tokenizer.ggml.*), as llama.cpp's conversion writes it.
#include "bpe_model.h"
#include "pal/core/check.h"
#include "pal/core/gguf.h"
#include "pipeline_tokenizer.h"
#include "sentencepiece_tokenizer.h"
#include "tokenizer_formats.h"
#include "tokenizer_settings.h"
#include "unicode.h"

namespace pal {
namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";

enum GgufTokenType : std::int64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

std::vector<std::int64_t> token_types(const GgufFile& file, std::size_t count) {
  const auto types = file.ints("tokenizer.ggml.token_type");
  PAL_CHECK(types.size() == count, "{}: tokenizer.ggml.token_type has {} entries, expected {}, one a token",
            file.name(), types.size(), count);
  return types;
}

void read_vocabulary(const GgufFile& file, BpeFile& model, PipelineParts& parts) {
  const auto& tokens = file.strings(kTokens);
  const auto types = token_types(file, tokens.size());
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const std::string& token = tokens[index];
    const auto id = static_cast<std::int64_t>(index);
    PAL_CHECK(!find_invalid_utf8(token), "{}: {}[{}] is not UTF-8", file.name(), kTokens, index);
    const std::int64_t type = types[index];
    PAL_CHECK(type >= kNormal && type <= kUnused,
              "{}: token '{}' has type {}; expected 1 to 5 for byte-level BPE", file.name(), token, type);
    if (type == kUnused) continue;  // only fills a row of the embedding
    model.vocabulary.emplace_back(token, id);
    if (type == kNormal) continue;
    AddedToken added;
    added.id = id;
    added.content = token;
    added.special = type != kUserDefined;
    parts.added.push_back(std::move(added));
  }
}

// Pieces with their scores. llama.cpp looks in the text for unknown, control and user-defined ones; whatever stands between them
// begins like a text of its own.
void read_pieces(const GgufFile& file, SentencePieceParts& parts) {
  const auto& tokens = file.strings(kTokens);
  const auto types = token_types(file, tokens.size());
  const auto& scores = file.reals("tokenizer.ggml.scores");
  PAL_CHECK(scores.size() == tokens.size(), "{}: tokenizer.ggml.scores has {} entries, expected {}, one a token", file.name(),
            scores.size(), tokens.size());
  auto& vocabulary = parts.vocabulary;
  vocabulary.where = file.name();
  vocabulary.remove_extra_whitespaces = false;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    PAL_CHECK(types[id] >= kNormal && types[id] <= kByte, "{}: token '{}' has type {}; expected 1 to 6", file.name(), tokens[id],
              types[id]);
    vocabulary.pieces.push_back({tokens[id], static_cast<float>(scores[id]), static_cast<SentencePieceVocabulary::Type>(types[id])});
    vocabulary.byte_fallback = vocabulary.byte_fallback || types[id] == kByte;
    if (types[id] != kUnknown && types[id] != kControl && types[id] != kUserDefined) continue;
    AddedToken added;
    added.id = static_cast<std::int64_t>(id);
    added.content = tokens[id];
    added.special = types[id] != kUserDefined;
    parts.added.push_back(std::move(added));
  }
}

void read_merges(const GgufFile& file, BpeFile& model) {
  for (const std::string& merge : file.strings("tokenizer.ggml.merges")) {
    PAL_CHECK(!find_invalid_utf8(merge), "{}: tokenizer.ggml.merges[{}] is not UTF-8", file.name(),
              model.merges.size());
    const std::size_t space = merge.find(' ');
    PAL_CHECK(space != std::string::npos && merge.find(' ', space + 1) == std::string::npos,
              "{}: tokenizer.ggml.merges[{}]: expected two tokens with one space between, got '{}'",
              file.name(), model.merges.size(), merge);
    model.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
}

// The id under `key`, which must be a token's.
std::optional<std::int64_t> special_id(const GgufFile& file, const std::string& key) {
  const auto id = file.optional_uint(key);
  if (!id) return std::nullopt;
  const std::size_t count = file.strings(kTokens).size();
  PAL_CHECK(*id < count, "{}: {} is {}, but there are {} tokens", file.name(), key, *id, count);
  return static_cast<std::int64_t>(*id);
}

TokenizerSettings read_settings(const GgufFile& file, const std::vector<AddedToken>& added) {
  TokenizerSettings settings;
  settings.bos = special_id(file, "tokenizer.ggml.bos_token_id");
  settings.eos = special_id(file, "tokenizer.ggml.eos_token_id");
  settings.chat_template = file.optional_string("tokenizer.chat_template").value_or("");
  std::vector<std::int64_t> stop;
  if (settings.eos) stop.push_back(*settings.eos);
  if (const auto end_of_turn = special_id(file, "tokenizer.ggml.eot_token_id")) stop.push_back(*end_of_turn);
  settings.stop = find_stop_tokens(std::move(stop), added);
  return settings;
}

// BOS and EOS, which llama.cpp adds where the file says so; SentencePiece models and Llama 3 have a BOS unless it says otherwise.
template <typename Parts>
void read_affixes(const GgufFile& file, bool has_bos, const TokenizerSettings& settings, Parts& parts) {
  const auto add = [&](const char* key, bool otherwise, const std::optional<std::int64_t>& id,
                       std::vector<std::int64_t>& ids) {
    if (!file.optional_boolean(key).value_or(otherwise && id)) return;
    PAL_CHECK(id.has_value(), "{}: {} is set, but the file names no such token", file.name(), key);
    ids.push_back(*id);
  };
  add("tokenizer.ggml.add_bos_token", has_bos, settings.bos, parts.prefix);
  add("tokenizer.ggml.add_eos_token", false, settings.eos, parts.suffix);
}

std::unique_ptr<Tokenizer> load_byte_level(const GgufFile& file) {
  const std::string pre = file.string("tokenizer.ggml.pre");
  PAL_CHECK(!file.optional_boolean("tokenizer.ggml.add_space_prefix").value_or(false),
            "{}: tokenizer.ggml.add_space_prefix is set, which is not supported for byte-level BPE",
            file.name());
  const bool llama3 = pre == "llama-bpe" || pre == "llama3";
  PipelineParts parts;
  parts.pre_tokenizers = gguf_pre_tokenizers(pre, file.name());
  if (pre == "qwen2") parts.normalizers.push_back(make_nfc());  // the format has no key for it; Qwen's tokenizer.json has NFC
  parts.decoders.push_back(make_byte_level_decoder());
  BpeFile model;
  model.where = file.name();
  model.ignore_merges = llama3;
  read_vocabulary(file, model, parts);
  read_merges(file, model);
  TokenizerSettings settings = read_settings(file, parts.added);
  read_affixes(file, llama3, settings, parts);
  parts.model = std::make_unique<BpeModel>(std::move(model));
  return std::make_unique<PipelineTokenizer>(std::move(parts), std::move(settings));
}

std::unique_ptr<Tokenizer> load_sentencepiece(const GgufFile& file) {
  for (const char* key : {"tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.treat_whitespace_as_suffix"}) {
    PAL_CHECK(!file.optional_boolean(key).value_or(false), "{}: {} is set, which is not supported", file.name(), key);
  }
  PAL_CHECK(!file.has("tokenizer.ggml.precompiled_charsmap"), "{}: tokenizer.ggml.precompiled_charsmap is not supported",
            file.name());
  SentencePieceParts parts;
  read_pieces(file, parts);
  check_sentencepiece(parts.vocabulary);
  const bool space = file.optional_boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  parts.space = space ? SpacePrefix::kEveryPart : SpacePrefix::kNone;
  parts.vocabulary.add_dummy_prefix = space;
  TokenizerSettings settings = read_settings(file, parts.added);
  read_affixes(file, true, settings, parts);
  return std::make_unique<SentencePieceTokenizer>(std::move(parts), std::move(settings));
}

}  // namespace

std::unique_ptr<Tokenizer> load_gguf_tokenizer(const std::filesystem::path& path) {
  const GgufFile file(path);
  const std::string kind = file.string("tokenizer.ggml.model");
  if (kind == "gpt2") return load_byte_level(file);
  if (kind == "llama") return load_sentencepiece(file);
  user_error(
      "{}: tokenizer.ggml.model is '{}', which is not supported; supported: gpt2 (byte-level BPE), llama (SentencePiece BPE)",
      file.name(), kind);
}

}  // namespace pal
