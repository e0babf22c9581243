#include "pal/metrics/score.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "pal/core/check.h"
#include "pal/metrics/accuracy.h"
#include "pal/metrics/cider.h"

namespace pal {

namespace {

Score mean_score(const std::string& metric, std::vector<double> per_sample) {
  Score score;
  score.metric = metric;
  score.n = int64_t(per_sample.size());
  score.score = std::accumulate(per_sample.begin(), per_sample.end(), 0.0) / double(score.n);
  score.per_sample = std::move(per_sample);
  return score;
}

Score with(Score score, const Interval& interval) {
  score.low = interval.low;
  score.high = interval.high;
  return score;
}

Score accuracy(std::span<const Prediction> predictions) {
  const auto score = mean_score("accuracy", accuracy_per_sample(predictions));
  const double correct = std::accumulate(score.per_sample.begin(), score.per_sample.end(), 0.0);
  return with(score, wilson(int64_t(correct), score.n));
}

Score ciderd(std::span<const Prediction> predictions, const ScoreOptions& options) {
  const auto score = mean_score("ciderd", cider_d(caption_words(predictions, options.tokenized)));
  return with(score, bootstrap_mean(score.per_sample, options.bootstrap));
}

}  // namespace

Score score_predictions(std::span<const Prediction> predictions, const std::string& metric,
                        const ScoreOptions& options) {
  PAL_CHECK(!predictions.empty(), "{}: expected at least one prediction, got none", metric);
  if (metric == "accuracy") return accuracy(predictions);
  if (metric == "ciderd") return ciderd(predictions, options);
  user_error("unknown metric '{}'; expected accuracy or ciderd", metric);
}

std::string to_json(const Score& score) {
  return nlohmann::ordered_json{{"metric", score.metric},
                                {"score", score.score},
                                {"low", score.low},
                                {"high", score.high},
                                {"n", score.n}}
      .dump();
}

}  // namespace pal
