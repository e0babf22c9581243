// Which of an encoder's tokens a stream reads: its whole sequence, or the few that sum a clip up.
#pragma once

#include "pal/encoders/encoder.h"

namespace pal {

// The spellings of a config: all | cls | patches | mean.
enum class TokenKind {
  kAll,      // what the encoder gives
  kCls,      // the CLS token of every window; EAT has them
  kPatches,  // all but the CLS tokens
  kMean,     // one token a clip: the mean of its patches (of CLAP: what the published model pools)
};

// A choice for one encoder's tokens. A clip without tokens keeps none.
class TokenChoice {
 public:
  // Throws UserError, which begins with `where`, if the encoder has no CLS tokens and some are asked for.
  TokenChoice(TokenKind kind, const Encoder& encoder, const std::string& where);

  // Tokens that are left of a clip's `tokens`: the one place that says so.
  std::int64_t count(std::int64_t tokens) const;
  // tokens: [N, E] of one clip -> [count(N), E].
  torch::Tensor choose(const torch::Tensor& tokens) const;

 private:
  TokenKind kind_;
  std::int64_t cls_period_;  // as Encoder's
};

}  // namespace pal
