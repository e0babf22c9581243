// Tokenizers: text to token ids and back, read from a GGUF file, a Hugging Face tokenizer.json or a SentencePiece model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pal {

// What a model's files say beside the vocabulary.
struct TokenizerSettings {
  std::optional<std::int64_t> bos;  // beginning of a sequence
  std::optional<std::int64_t> eos;  // end of a sequence
  std::vector<std::int64_t>
      stop;                   // where an answer ends: eos, and the ends of a turn that the vocabulary has
  std::string chat_template;  // Jinja source; empty where the files have none
};

// All methods are const and thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The ids of `text`. Added tokens such as <|im_start|> in the text are always recognised. special: adds what the
  // model adds around a text (BOS). Bytes that the vocabulary cannot spell are left out where the model names no
  // unknown token, as the reference does. Throws UserError where `text` is not UTF-8.
  virtual std::vector<std::int64_t> encode(std::string_view text, bool special = false) const = 0;

  // The text of `ids`; U+FFFD for parts of a character. skip_special: leaves out special tokens. Ids that the
  // vocabulary does not have (padding rows of an embedding) stand for nothing.
  virtual std::string decode(std::span<const std::int64_t> ids, bool skip_special = false) const = 0;

  virtual std::int64_t vocab_size() const = 0;  // largest id + 1
  // The id of a token as the vocabulary writes it.
  virtual std::optional<std::int64_t> token_id(std::string_view piece) const = 0;

  // What TokenizerSettings says of the model:
  const std::optional<std::int64_t>& bos() const { return settings_.bos; }
  const std::optional<std::int64_t>& eos() const { return settings_.eos; }
  const std::vector<std::int64_t>& stop_tokens() const { return settings_.stop; }
  const std::string& chat_template() const { return settings_.chat_template; }

 protected:
  explicit Tokenizer(TokenizerSettings settings) : settings_(std::move(settings)) {}  // for the implementations

 private:
  TokenizerSettings settings_;
};

// Reads the tokenizer of `path`: a *.gguf file, a tokenizer.json, a SentencePiece *.model, or a folder with one of the last two, of
// which tokenizer.json is preferred. Beside them are read, where they are, tokenizer_config.json (bos, eos, template),
// generation_config.json (eos) and chat_template.jinja; beside a *.model also special_tokens_map.json and added_tokens.json.
//
// tokenizer.json: BPE, byte-level or of characters (Metaspace, byte fallback), or BERT's WordPiece; ids as Hugging Face tokenizers gives
// them (what it says of truncation and padding is left to whoever uses the ids). *.model: BPE
// of the SentencePiece library; ids as the LlamaTokenizer of transformers 4 gives them, which tokenizer_config.json's `legacy` (where
// it says nothing, true) changes: true puts a space before every part of a text between special tokens, false before the text only.
// Without a tokenizer_config.json its special tokens are <unk>, <s> and </s>. *.gguf: byte-level BPE ("gpt2"), or SentencePiece
// ("llama") as llama.cpp takes it.
//
// Logs its choice where a folder has both. Throws UserError that names what is wrong or not supported.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path);

}  // namespace pal
