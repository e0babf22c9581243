// A tokenizer of steps: added tokens, normalisation, pre-tokenizers, a model of words (BPE, WordPiece); and decoding.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "added_tokens.h"
#include "normalizer.h"
#include "pal/text/tokenizer.h"
#include "pre_tokenizer.h"
#include "token_decoder.h"
#include "word_model.h"

namespace pal {

// Everything that a tokenizer file describes, independent of its format.
struct PipelineParts {
  std::unique_ptr<WordModel> model;  // how a word becomes ids
  std::vector<AddedToken> added;
  std::vector<std::unique_ptr<Normalizer>> normalizers;  // before the cuts
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  std::vector<std::unique_ptr<TokenDecoder>> decoders;
  std::vector<std::int64_t> prefix;  // ids that encode(special) puts before the text
  std::vector<std::int64_t> suffix;  // and after it
};

class PipelineTokenizer : public Tokenizer {
 public:
  PipelineTokenizer(PipelineParts parts, TokenizerSettings settings);

  std::vector<std::int64_t> encode(std::string_view text, bool special) const override;
  std::string decode(std::span<const std::int64_t> ids, bool skip_special) const override;
  std::int64_t vocab_size() const override;
  std::optional<std::int64_t> token_id(std::string_view piece) const override;

 private:
  std::string normalize(std::string_view text) const;
  void encode_ordinary(std::string_view text, bool at_start, std::vector<std::int64_t>& ids) const;
  const std::string* token(std::int64_t id) const;

  std::vector<AddedToken> tokens_to_find(const std::vector<AddedToken>& added, bool normalized) const;

  std::unique_ptr<WordModel> model_;
  std::vector<std::unique_ptr<Normalizer>> normalizers_;  // before the finders, which they are used for
  AddedTokenFinder plain_tokens_;       // looked for in the text as it is
  AddedTokenFinder normalized_tokens_;  // looked for in the normalised text
  std::unordered_map<std::int64_t, AddedToken> added_;
  StringMap<std::int64_t> added_ids_;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers_;
  std::vector<std::unique_ptr<TokenDecoder>> decoders_;
  std::vector<std::int64_t> prefix_;
  std::vector<std::int64_t> suffix_;
};

}  // namespace pal
