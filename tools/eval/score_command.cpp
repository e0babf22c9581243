#include "tools/eval/score_command.h"

#include <fmt/format.h>

#include "pal/core/tool.h"
#include "pal/metrics/predictions.h"
#include "pal/metrics/score.h"

namespace pal {

int score_command(const std::filesystem::path& predictions, const std::string& metric, bool json,
                  bool tokenized) {
  ScoreOptions options;
  options.tokenized = tokenized;
  const Score score = score_predictions(read_predictions(predictions), metric, options);
  if (json)
    fmt::print("{}\n", to_json(score));
  else
    fmt::print("{} {:.4f}  [{:.4f}, {:.4f}]  n {}\n", score.metric, score.score, score.low, score.high,
               score.n);
  return kDone;
}

}  // namespace pal
