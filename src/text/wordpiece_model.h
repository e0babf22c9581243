// WordPiece: a word becomes the longest token that it begins with, then the longest continuation, and so on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "added_tokens.h"
#include "word_model.h"

namespace pal {

// What a tokenizer file says about the model.
struct WordpieceFile {
  std::string where;  // for messages
  VocabularyList vocabulary;
  std::string unknown_token;        // for a word that the vocabulary cannot spell, as a whole
  std::string prefix;               // before tokens that continue a word: ##
  std::int64_t longest_word = 100;  // characters; longer words are unknown
};

// Equal to the WordPiece model of Hugging Face tokenizers.
class WordpieceModel : public WordModel {
 public:
  // Throws UserError where the vocabulary lacks the unknown token.
  explicit WordpieceModel(WordpieceFile file);

  void encode(std::string_view word, std::vector<std::int64_t>& ids) const override;
  const TokenTable& tokens() const override { return tokens_; }

 private:
  TokenTable tokens_;
  std::string prefix_;
  std::int64_t longest_word_;
  std::int64_t unknown_id_;
};

}  // namespace pal
