// Byte-pair encoding over bytes: the vocabulary, the ranked merges, and how a word becomes token ids.
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

namespace pal {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// What a tokenizer file says about the model, tokens written in GPT-2's byte alphabet.
struct BpeFile {
  std::string where;  // for messages
  std::vector<std::pair<std::string, std::int64_t>> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // the earlier, the sooner merged
  bool ignore_merges = false;  // a word that is itself a token is not merged at all
  bool fuse_unknown = false;
  std::optional<std::string> unknown_token;  // for bytes that the vocabulary lacks; none: they are dropped
};

// Equal to the BPE model of Hugging Face tokenizers. Thread-safe.
class BpeModel {
 public:
  // Throws UserError where the merges speak of tokens that the vocabulary lacks.
  explicit BpeModel(BpeFile file);

  // Appends the ids of one word, given as plain bytes.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;
  std::optional<std::int64_t> token_id(std::string_view token) const;
  // The token with this id in the byte alphabet; empty optional where there is none.
  const std::optional<std::string>& token(std::int64_t id) const;
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }  // largest id + 1

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
  std::vector<Symbol> split_into_bytes(std::string_view word) const;
  const Merge* find_merge(std::int32_t left, std::int32_t right) const;
  std::vector<std::int64_t> merge_word(std::string_view word) const;

  std::vector<std::optional<std::string>> tokens_;   // by id
  StringMap<std::int32_t> ids_;                      // by token in the byte alphabet
  StringMap<std::int32_t> ids_by_bytes_;             // only if ignore_merges
  std::array<std::int32_t, 256> byte_ids_;           // -1: the vocabulary lacks this byte
  std::unordered_map<std::uint64_t, Merge> merges_;  // by (left << 32 | right)
  bool ignore_merges_;
  bool fuse_unknown_;
  std::int32_t unknown_id_ = -1;

  mutable std::shared_mutex cache_mutex_;
  mutable StringMap<std::vector<std::int64_t>> cache_;  // words seen, at most kCachedWords
};

}  // namespace pal
