#include "tools/eval/score_command.h"

#include <fmt/format.h>

#include "pal/core/tool.h"

namespace pal {

int score_command(const std::filesystem::path& predictions, const std::string& metric, bool json,
                  const ScoreOptions& options) {
  const Score score = score_file(predictions, metric, options);
  if (json)
    fmt::print("{}\n", to_json(score));
  else
    fmt::print("{} {:.4f}  [{:.4f}, {:.4f}]  n {}\n", score.metric, score.score, score.low, score.high,
               score.n);
  return kDone;
}

int score_command(const std::filesystem::path& predictions, const std::string& metric, bool json,
                  bool tokenized) {
  ScoreOptions options;
  options.tokenized = tokenized;
  return score_command(predictions, metric, json, options);
}

}  // namespace pal
