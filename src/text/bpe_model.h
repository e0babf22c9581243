// Byte-pair encoding over bytes or characters: the vocabulary, the ranked merges, and how a word becomes token ids.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "added_tokens.h"

namespace pal {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// What a tokenizer file says about the model.
struct BpeFile {
  std::string where;       // for messages
  bool byte_level = true;  // tokens are written in GPT-2's byte alphabet; otherwise as text, and words are merged from characters
  bool byte_fallback = false;  // of text: characters that the vocabulary lacks become <0xNN> tokens
  VocabularyList vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // the earlier, the sooner merged
  bool ignore_merges = false;  // a word that is itself a token is not merged at all
  bool fuse_unknown = false;
  std::optional<std::string> unknown_token;  // for what the vocabulary lacks; none: it is dropped
};

// Equal to the BPE model of Hugging Face tokenizers. Thread-safe.
class BpeModel {
 public:
  // Throws UserError where the merges speak of tokens that the vocabulary lacks.
  explicit BpeModel(BpeFile file);

  // Appends the ids of one word, given as text.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;
  std::optional<std::int64_t> token_id(std::string_view token) const;
  // The token with this id as the file writes it; empty optional where there is none.
  const std::optional<std::string>& token(std::int64_t id) const;
  std::int64_t size() const { return size_; }  // largest id + 1

 private:
  struct Merge {
    std::int32_t rank;
    std::int32_t id;  // of the merged token
  };
  struct Symbol {
    std::int32_t id;
    std::int32_t previous;
    std::int32_t next;
    bool merged_away;
  };

  void add_vocabulary(const BpeFile& file);
  void add_merges(const BpeFile& file);
  std::vector<Symbol> split_into_symbols(std::string_view word) const;
  std::optional<std::int32_t> character_id(std::string_view character) const;
  bool has_all_bytes(std::string_view character) const;
  const Merge* find_merge(std::int32_t left, std::int32_t right) const;
  std::vector<std::int64_t> merge_word(std::string_view word) const;

  std::unordered_map<std::int64_t, std::optional<std::string>> tokens_;  // by id; not a list, which a single large id would make long
  std::int64_t size_ = 0;
  StringMap<std::int32_t> ids_;                      // by token as the file writes it
  StringMap<std::int32_t> ids_by_bytes_;             // by what it stands for; only if ignore_merges
  std::array<std::int32_t, 256> byte_ids_;           // of single bytes, or of <0xNN>; -1: the vocabulary lacks this byte
  std::unordered_map<std::uint64_t, Merge> merges_;  // by (left << 32 | right)
  bool byte_level_;
  bool byte_fallback_;
  bool ignore_merges_;
  bool fuse_unknown_;
  std::int32_t unknown_id_ = -1;

  mutable std::shared_mutex cache_mutex_;
  mutable StringMap<std::vector<std::int64_t>> cache_;  // words seen, at most kCachedWords
};

}  // namespace pal
