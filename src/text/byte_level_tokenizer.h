// A byte-level BPE tokenizer: added tokens, normalisation, pre-tokenizers, merges.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "added_tokens.h"
#include "bpe_model.h"
#include "pal/text/tokenizer.h"
#include "pre_tokenizer.h"

namespace pal {

// Everything that a tokenizer file describes, independent of its format.
struct ByteLevelParts {
  BpeFile model;
  std::vector<AddedToken> added;
  bool nfc = false;  // Unicode normalisation form C before the cuts
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  std::vector<std::int64_t> prefix;  // ids that encode(special) puts before the text
  std::vector<std::int64_t> suffix;  // and after it
};

// The ids that end an answer: `eos`, and every special token of `added` that is known to end a turn or a text.
std::vector<std::int64_t> find_stop_tokens(std::vector<std::int64_t> eos,
                                           const std::vector<AddedToken>& added);

class ByteLevelTokenizer : public Tokenizer {
 public:
  ByteLevelTokenizer(ByteLevelParts parts, TokenizerSettings settings);

  std::vector<std::int64_t> encode(std::string_view text, bool special) const override;
  std::string decode(std::span<const std::int64_t> ids, bool skip_special) const override;
  std::int64_t vocab_size() const override;
  std::optional<std::int64_t> token_id(std::string_view piece) const override;

 private:
  void encode_ordinary(std::string_view text, std::vector<std::int64_t>& ids) const;
  const std::string* token(std::int64_t id) const;

  BpeModel model_;
  AddedTokenFinder plain_tokens_;       // looked for in the text as it is
  AddedTokenFinder normalized_tokens_;  // looked for in the normalised text
  std::unordered_map<std::int64_t, AddedToken> added_;
  StringMap<std::int64_t> added_ids_;
  bool nfc_;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers_;
  std::vector<std::int64_t> prefix_;
  std::vector<std::int64_t> suffix_;
};

// UTF-8 in normalisation form C, by the tables that the reference uses.
std::string normalize_nfc(std::string_view text);

// The two formats. `path` is the file itself.
std::unique_ptr<Tokenizer> load_gguf_tokenizer(const std::filesystem::path& path);
std::unique_ptr<Tokenizer> load_json_tokenizer(const std::filesystem::path& path);

}  // namespace pal
