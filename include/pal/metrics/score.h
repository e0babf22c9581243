// A score with its confidence interval, by the metric's name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pal/metrics/bootstrap.h"
#include "pal/metrics/predictions.h"

namespace pal {

struct Score {
  std::string metric;
  double score = 0;
  double low = 0, high = 0;  // 95 %
  int64_t n = 0;
  std::vector<double> per_sample;  // in the order of the predictions
};

struct ScoreOptions {
  bool tokenized = false;  // the captions are PTB-tokenized already
  BootstrapOptions bootstrap;
};

// metric: `accuracy` (share of answers that match a reference, Wilson's interval) or `ciderd` (CIDEr-D after PTB
// tokenization, 0 to 10; document frequencies stay those of the whole set, the clips' scores are resampled).
// Throws UserError for another name, with the list, and without predictions.
Score score_predictions(std::span<const Prediction> predictions, const std::string& metric,
                        const ScoreOptions& options = {});

// {"metric", "score", "low", "high", "n"} on one line.
std::string to_json(const Score& score);

}  // namespace pal
