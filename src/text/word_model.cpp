#include "word_model.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {
namespace {

constexpr std::int64_t kLargestId = 10'000'000;  // more is a mistake

}  // namespace

void TokenTable::add(const std::string& token, std::int64_t id, const std::string& where) {
  PAL_CHECK(id >= 0 && id < kLargestId, "{}: token '{}' has id {}; expected 0 to {}", where, token, id,
            kLargestId - 1);
  size_ = std::max(size_, id + 1);
  auto& slot = tokens_[id];
  PAL_CHECK(!slot, "{}: tokens '{}' and '{}' both have id {}", where, *slot, token, id);
  slot = token;
  PAL_CHECK(ids_.emplace(token, static_cast<std::int32_t>(id)).second, "{}: token '{}' is there twice", where, token);
}

std::optional<std::int64_t> TokenTable::id(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::optional<std::string>& TokenTable::token(std::int64_t id) const {
  static const std::optional<std::string> none;
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? none : found->second;
}

}  // namespace pal
