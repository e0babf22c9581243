#include "bpe_model.h"

#include <algorithm>
#include <mutex>
#include <queue>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

constexpr std::int64_t kLargestId = 10'000'000;  // more is a mistake
constexpr std::size_t kCachedWords = 32'768;
constexpr std::size_t kLongestCachedWord = 64;  // bytes

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
         static_cast<std::uint32_t>(right);
}

// A merge that could be made; the queue gives the lowest rank first and, of equals, the leftmost.
struct Candidate {
  std::int32_t rank;
  std::int32_t position;
  std::int32_t id;
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

BpeModel::BpeModel(BpeFile file)
    : byte_level_(file.byte_level),
      byte_fallback_(file.byte_fallback),
      ignore_merges_(file.ignore_merges),
      fuse_unknown_(file.fuse_unknown) {
  add_vocabulary(file);
  add_merges(file);
  if (file.unknown_token) {
    const auto found = ids_.find(*file.unknown_token);
    PAL_CHECK(found != ids_.end(), "{}: the unknown token '{}' is not in the vocabulary", file.where,
              *file.unknown_token);
    unknown_id_ = found->second;
  }
}

void BpeModel::add_vocabulary(const BpeFile& file) {
  byte_ids_.fill(-1);
  for (const auto& [token, id] : file.vocabulary) {
    PAL_CHECK(id >= 0 && id < kLargestId, "{}: token '{}' has id {}; expected 0 to {}", file.where, token, id,
              kLargestId - 1);
    size_ = std::max(size_, id + 1);
    auto& slot = tokens_[id];
    PAL_CHECK(!slot, "{}: tokens '{}' and '{}' both have id {}", file.where, *slot, token, id);
    slot = token;
    const auto narrow = static_cast<std::int32_t>(id);
    PAL_CHECK(ids_.emplace(token, narrow).second, "{}: token '{}' is there twice", file.where, token);
    const auto bytes = byte_level_ ? bytes_of_token(token) : token;
    if (!bytes) continue;
    if (byte_level_ && bytes->size() == 1) byte_ids_[static_cast<std::uint8_t>(bytes->front())] = narrow;
    if (ignore_merges_) ids_by_bytes_.emplace(*bytes, narrow);
  }
  if (byte_level_ || !byte_fallback_) return;
  for (unsigned byte = 0; byte < byte_ids_.size(); ++byte) {
    const auto found = ids_.find(fmt::format("<0x{:02X}>", byte));
    if (found != ids_.end()) byte_ids_[byte] = found->second;
  }
}

void BpeModel::add_merges(const BpeFile& file) {
  const auto id_of = [&](const std::string& token, std::size_t line) {
    const auto found = ids_.find(token);
    PAL_CHECK(found != ids_.end(), "{}: merge {} uses '{}', which is not in the vocabulary", file.where, line,
              token);
    return found->second;
  };
  merges_.reserve(file.merges.size());
  for (std::size_t rank = 0; rank < file.merges.size(); ++rank) {
    const auto& [left, right] = file.merges[rank];
    const std::int32_t left_id = id_of(left, rank);
    const std::int32_t right_id = id_of(right, rank);
    const std::int32_t merged_id = id_of(left + right, rank);
    merges_[pair_key(left_id, right_id)] = {static_cast<std::int32_t>(rank),
                                            merged_id};  // the last one counts
  }
}

const BpeModel::Merge* BpeModel::find_merge(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::optional<std::int32_t> BpeModel::character_id(std::string_view character) const {
  if (byte_level_) {
    const std::int32_t id = byte_ids_[static_cast<std::uint8_t>(character.front())];
    return id < 0 ? std::nullopt : std::optional(id);
  }
  const auto found = ids_.find(character);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool BpeModel::has_all_bytes(std::string_view character) const {
  return byte_fallback_ && std::all_of(character.begin(), character.end(), [&](char byte) {
           return byte_ids_[static_cast<std::uint8_t>(byte)] >= 0;
         });
}

std::vector<BpeModel::Symbol> BpeModel::split_into_symbols(std::string_view word) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  const auto add = [&](std::int32_t id) {
    const auto at = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({id, at - 1, at + 1, false});
  };
  // An unknown token stands where the next known character comes, which is after the bytes of others: so the reference.
  bool unknown = false;
  const auto end_unknown = [&] {
    if (unknown) add(unknown_id_);
    unknown = false;
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
    if (byte_level_) {
      ++at;
    } else {
      next_code_point(word, at);
    }
    const std::string_view character = word.substr(begin, at - begin);
    if (const auto id = character_id(character)) {
      end_unknown();
      add(*id);
    } else if (has_all_bytes(character)) {
      for (char byte : character) add(byte_ids_[static_cast<std::uint8_t>(byte)]);
    } else if (unknown_id_ >= 0) {
      if (!fuse_unknown_) end_unknown();
      unknown = true;
    }
  }
  end_unknown();
  if (!symbols.empty()) symbols.back().next = -1;
  return symbols;
}

std::vector<std::int64_t> BpeModel::merge_word(std::string_view word) const {
  std::vector<Symbol> symbols = split_into_symbols(word);
  std::priority_queue<Candidate> queue;
  const auto consider = [&](std::int32_t left) {
    if (left < 0 || symbols[left].next < 0) return;
    if (const Merge* merge = find_merge(symbols[left].id, symbols[symbols[left].next].id)) {
      queue.push({merge->rank, left, merge->id});
    }
  };
  for (std::size_t at = 0; at < symbols.size(); ++at) consider(static_cast<std::int32_t>(at));

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.position];
    if (left.merged_away || left.next < 0) continue;
    Symbol& right = symbols[left.next];
    const Merge* merge = find_merge(left.id, right.id);
    if (merge == nullptr || merge->id != best.id) continue;  // one of the two has changed since
    left.id = best.id;
    right.merged_away = true;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.position;
    consider(left.previous);
    consider(best.position);
  }

  std::vector<std::int64_t> ids;
  for (const Symbol& symbol : symbols) {
    if (!symbol.merged_away) ids.push_back(symbol.id);
  }
  return ids;
}

void BpeModel::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  if (ignore_merges_) {
    const auto whole = ids_by_bytes_.find(word);
    if (whole != ids_by_bytes_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  if (word.size() > kLongestCachedWord) {
    const auto merged = merge_word(word);
    ids.insert(ids.end(), merged.begin(), merged.end());
    return;
  }
  {
    std::shared_lock lock(cache_mutex_);
    const auto known = cache_.find(word);
    if (known != cache_.end()) {
      ids.insert(ids.end(), known->second.begin(), known->second.end());
      return;
    }
  }
  auto merged = merge_word(word);
  ids.insert(ids.end(), merged.begin(), merged.end());
  std::unique_lock lock(cache_mutex_);
  if (cache_.size() < kCachedWords) cache_.emplace(word, std::move(merged));
}

std::optional<std::int64_t> BpeModel::token_id(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::optional<std::string>& BpeModel::token(std::int64_t id) const {
  static const std::optional<std::string> none;
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? none : found->second;
}

}  // namespace pal
