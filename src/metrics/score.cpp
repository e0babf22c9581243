#include "pal/metrics/score.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "pal/core/check.h"
#include "pal/metrics/metric_kind.h"
#include "pal/metrics/set_statistic.h"

namespace pal {

namespace {

Score make_score(const std::string& metric, double value, const Interval& interval, int64_t n,
                 std::vector<double> per_sample = {}) {
  Score score;
  score.metric = metric;
  score.score = value;
  score.low = interval.low;
  score.high = interval.high;
  score.n = n;
  score.per_sample = std::move(per_sample);
  return score;
}

Score mean_of_clips(const std::string& metric, std::vector<double> per_sample, const BootstrapOptions& options) {
  const int64_t n = int64_t(per_sample.size());
  const double mean = std::accumulate(per_sample.begin(), per_sample.end(), 0.0) / double(n);
  const auto interval = metric == "accuracy" ? wilson(std::ranges::count(per_sample, 1.0), n) : bootstrap_mean(per_sample, options);
  return make_score(metric, mean, interval, n, std::move(per_sample));
}

Score whole_set(const std::string& metric, SetMetric set, int64_t n, const BootstrapOptions& options) {
  return make_score(metric, set.score({}), bootstrap(n, set.score, options), n, std::move(set.per_sample));
}

Score not_available(const std::string& metric, int64_t n, std::string why) {
  Score score = make_score(metric, NAN, {NAN, NAN}, n);
  score.not_available = std::move(why);
  return score;
}

// Why the metric cannot be had at all; "" where it can.
std::string missing(const std::string& metric, const JavaScorers& java) {
  if (metric == "meteor" && java.meteor_jar.empty()) return "METEOR is scored by its authors' meteor-1.5.jar; none was given (--meteor-jar)";
  if (metric == "spice" && java.spice_jar.empty())
    return "SPICE is scored by its authors' spice-1.0.jar with Stanford CoreNLP 3.6 in its lib/; none was given (--spice-jar)";
  return "";
}

int64_t count_absent(std::span<const ClassScores> clips) {
  int64_t absent = 0;
  for (std::size_t c = 0; c < clips[0].labels.size(); ++c)
    absent += std::ranges::none_of(clips, [c](const ClassScores& clip) { return clip.labels[c] != 0; });
  return absent;
}

}  // namespace

Score score_predictions(std::span<const Prediction> predictions, const std::string& metric,
                        const ScoreOptions& options) {
  PAL_CHECK(!predictions.empty(), "{}: expected at least one prediction, got none", metric);
  const int64_t n = int64_t(predictions.size());
  const auto kind = metric_kind(metric);
  if (const auto why = missing(metric, options.java); !why.empty()) return not_available(metric, n, why);
  if (kind == MetricKind::kMeanOfClips) return mean_of_clips(metric, clip_scores(predictions, metric, options), options.bootstrap);
  return whole_set(metric, set_metric(predictions, metric, options), n, options.bootstrap);
}

Score score_classes(std::span<const ClassScores> clips, const std::string& metric,
                    const ScoreOptions& options) {
  auto set = set_metric(clips, metric, options);
  const int64_t n = int64_t(clips.size()), absent = count_absent(clips);
  PAL_CHECK(metric != "map" || absent < int64_t(clips[0].labels.size()), "map: no class has a clip that belongs to it");
  auto bootstrap = options.bootstrap;
  bootstrap.resamples = affordable_draws(bootstrap.resamples, clips);
  auto score = whole_set(metric, std::move(set), n, bootstrap);
  if (metric == "map") score.absent_classes = absent;
  return score;
}

Score score_file(const std::filesystem::path& path, const std::string& metric, const ScoreOptions& options) {
  metric_kind(metric);  // before a file is read
  if (metric == "map" || options.threshold) return score_classes(read_class_scores(path), metric, options);
  return score_predictions(read_predictions(path), metric, options);
}

std::string to_json(const Score& score) {
  nlohmann::ordered_json object = {{"metric", score.metric},
                                   {"score", score.score},
                                   {"low", score.low},
                                   {"high", score.high},
                                   {"n", score.n}};
  if (score.absent_classes) object["absent"] = *score.absent_classes;
  if (!score.not_available.empty()) object["not_available"] = score.not_available;
  return object.dump();
}

}  // namespace pal
