#include "pal/encoders/token_choice.h"

#include "pal/core/check.h"

namespace pal {

namespace {

// [N, E] -> without rows 0, period, 2 * period, ...
torch::Tensor without_cls(const torch::Tensor& tokens, std::int64_t period) {
  if (period == 0) return tokens;
  const std::int64_t count = tokens.size(0) - (tokens.size(0) + period - 1) / period;
  const auto patch = torch::arange(count, torch::TensorOptions(torch::kInt64).device(tokens.device()));
  return tokens.index_select(0, patch + patch.floor_divide(period - 1) + 1);  // nobody asks the device how many there are
}

}  // namespace

TokenChoice::TokenChoice(TokenKind kind, const Encoder& encoder, const std::string& where)
    : kind_(kind), cls_period_(encoder.cls_period()) {
  PAL_CHECK(kind != TokenKind::kCls || cls_period_ > 0,
            "{}: tokens: cls asks for CLS tokens, but encoder '{}' gives none; {}", where, encoder.type(),
            encoder.type() == "eat" ? "it is declared with cls: false" : "eat does, and mean sums up any encoder's tokens");
}

std::int64_t TokenChoice::count(std::int64_t tokens) const {
  const std::int64_t cls = cls_period_ == 0 ? 0 : (tokens + cls_period_ - 1) / cls_period_;
  switch (kind_) {
    case TokenKind::kAll: return tokens;
    case TokenKind::kCls: return cls;
    case TokenKind::kPatches: return tokens - cls;
    case TokenKind::kMean: return tokens > 0 ? 1 : 0;
  }
  PAL_ASSERT(false, "a kind of token that is not known");
}

torch::Tensor TokenChoice::choose(const torch::Tensor& tokens) const {
  if (kind_ == TokenKind::kAll || tokens.size(0) == 0) return tokens;
  if (kind_ == TokenKind::kCls) return tokens.slice(0, 0, tokens.size(0), cls_period_);
  const auto patches = without_cls(tokens, cls_period_);
  return kind_ == TokenKind::kPatches ? patches : patches.mean(0, /*keepdim=*/true);
}

}  // namespace pal
