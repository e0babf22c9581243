// What all models of words share: a table of tokens, and how a word becomes ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pal {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// Tokens as the file writes them, and their ids.
class TokenTable {
 public:
  // Throws UserError, with `where`, for an id out of range and for a token or an id that is there already.
  void add(const std::string& token, std::int64_t id, const std::string& where);

  std::optional<std::int64_t> id(std::string_view token) const;
  // The token with this id; empty optional where there is none.
  const std::optional<std::string>& token(std::int64_t id) const;
  std::int64_t size() const { return size_; }  // largest id + 1

 private:
  std::unordered_map<std::int64_t, std::optional<std::string>> tokens_;  // by id; not a list, which a single large id would make long
  StringMap<std::int32_t> ids_;                                          // by token
  std::int64_t size_ = 0;
};

// Thread-safe.
class WordModel {
 public:
  virtual ~WordModel() = default;
  // Appends the ids of one word, given as text.
  virtual void encode(std::string_view word, std::vector<std::int64_t>& ids) const = 0;
  virtual const TokenTable& tokens() const = 0;
};

}  // namespace pal
