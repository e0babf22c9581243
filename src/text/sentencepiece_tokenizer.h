// A tokenizer on the SentencePiece library: added tokens are cut out of the text, the library does the rest.
#pragma once

#include <sentencepiece_processor.h>

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "added_tokens.h"
#include "bpe_model.h"
#include "pal/text/tokenizer.h"
#include "sentencepiece_vocabulary.h"

namespace pal {

// Where a space goes that the text does not have.
enum class SpacePrefix {
  kEveryPart,  // before each stretch of text between added tokens, by SentencePiece's add_dummy_prefix (`legacy` of LlamaTokenizer)
  kFirstPart,  // before the text, unless it begins with one of SentencePieceParts::bare
  kNone,
};

// Everything that a file says, independent of its format.
struct SentencePieceParts {
  SentencePieceVocabulary vocabulary;
  std::vector<AddedToken> added;  // flags other than `special` are not read
  SpacePrefix space = SpacePrefix::kEveryPart;
  std::unordered_set<std::int64_t> bare;  // added tokens that begin a text without a space in front
  std::vector<std::int64_t> prefix;  // ids that encode(special) puts before the text
  std::vector<std::int64_t> suffix;  // and after it
};

// encode: the ids of LlamaTokenizer of transformers 4 (the one that runs on SentencePiece). decode: takes back what encode adds, so
// that decode(encode(text)) is `text` for a model that keeps white space; LlamaTokenizer's own puts spaces around special tokens that
// the text did not have.
class SentencePieceTokenizer : public Tokenizer {
 public:
  // Throws UserError where the library refuses the vocabulary.
  SentencePieceTokenizer(SentencePieceParts parts, TokenizerSettings settings);

  std::vector<std::int64_t> encode(std::string_view text, bool special) const override;
  std::string decode(std::span<const std::int64_t> ids, bool skip_special) const override;
  std::int64_t vocab_size() const override;
  std::optional<std::int64_t> token_id(std::string_view piece) const override;

 private:
  std::vector<int> encode_part(std::string_view text) const;
  std::string decode_part(const std::vector<int>& ids) const;

  sentencepiece::SentencePieceProcessor processor_;
  SpacePrefix space_;
  std::unordered_set<std::int64_t> bare_;
  AddedTokenFinder added_finder_;
  std::unordered_map<std::int64_t, AddedToken> added_;
  StringMap<std::int64_t> ids_;  // pieces and added tokens
  std::int64_t size_;
  std::vector<std::int64_t> prefix_;
  std::vector<std::int64_t> suffix_;
};

}  // namespace pal
