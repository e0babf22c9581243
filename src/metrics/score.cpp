#include "pal/metrics/score.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "pal/core/check.h"
#include "pal/metrics/accuracy.h"
#include "pal/metrics/bleu.h"
#include "pal/metrics/cider.h"
#include "pal/metrics/f1.h"
#include "pal/metrics/rouge_l.h"

namespace pal {

namespace {

constexpr const char* kNames =
    "accuracy, micro_f1, macro_f1, map, ciderd, bleu1, bleu2, bleu3, bleu4 or rouge_l";

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

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

Score accuracy(std::span<const Prediction> predictions) {
  auto per_sample = accuracy_per_sample(predictions);
  const int64_t n = int64_t(per_sample.size()), correct = std::ranges::count(per_sample, 1.0);
  return make_score("accuracy", double(correct) / double(n), wilson(correct, n), n, std::move(per_sample));
}

Score mean_over_clips(const std::string& metric, std::vector<double> per_sample,
                      const ScoreOptions& options) {
  const double value = mean(per_sample);
  const auto interval = bootstrap_mean(per_sample, options.bootstrap);
  const int64_t n = int64_t(per_sample.size());
  return make_score(metric, value, interval, n, std::move(per_sample));
}

BleuCounts add(const std::vector<BleuCounts>& clips, std::span<const int32_t> weights) {
  BleuCounts sum;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    for (std::size_t n = 0; n < sum.ngrams.size(); ++n) {
      sum.ngrams[n] += weight * clips[i].ngrams[n];
      sum.matched[n] += weight * clips[i].matched[n];
    }
    sum.candidate_words += weight * clips[i].candidate_words;
    sum.reference_words += weight * clips[i].reference_words;
  }
  return sum;
}

Score bleu_of_set(const std::string& metric, int n, std::span<const CaptionWords> clips,
                  const ScoreOptions& options) {
  const auto counts = bleu_counts(clips);
  const int64_t count = int64_t(counts.size());
  const auto of_drawn = [&](std::span<const int32_t> drawn) { return bleu(add(counts, drawn), n); };
  std::vector<double> per_sample;
  for (const BleuCounts& one : counts) per_sample.push_back(bleu(one, n));
  return make_score(metric, of_drawn({}), bootstrap(count, of_drawn, options.bootstrap), count,
                    std::move(per_sample));
}

Score f1(const std::string& metric, const Decisions& all, const BootstrapOptions& options) {
  const int64_t count = int64_t(all.by_clip.size());
  const auto of_drawn = [&](std::span<const int32_t> drawn) {
    return metric == "micro_f1" ? micro_f1(all, drawn) : macro_f1(all, drawn);
  };
  return make_score(metric, of_drawn({}), bootstrap(count, of_drawn, options), count);
}

Score map(std::span<const ClassScores> clips, AbsentClasses absent, const BootstrapOptions& options) {
  const auto classes = precision_recall(clips);
  const auto result = mean_average_precision(classes, absent);
  PAL_CHECK(!std::isnan(result.mean), "map: no class has a clip that belongs to it");
  const auto of_drawn = [&](std::span<const int32_t> drawn) {
    // Few clips may be drawn without any class at all; then nothing was found.
    const double value = mean_average_precision(classes, absent, drawn).mean;
    return std::isnan(value) ? 0.0 : value;
  };
  auto score = make_score("map", result.mean, bootstrap(int64_t(clips.size()), of_drawn, options),
                          int64_t(clips.size()));
  score.absent_classes = result.absent;
  return score;
}

// Resampling every class of AudioSet 10,000 times would take hours.
BootstrapOptions affordable(BootstrapOptions options, std::span<const ClassScores> clips) {
  const double work = double(clips.size()) * double(clips[0].scores.size());
  options.resamples = std::min(options.resamples, std::max<int64_t>(200, int64_t(2e9 / work)));
  return options;
}

}  // namespace

Score score_predictions(std::span<const Prediction> predictions, const std::string& metric,
                        const ScoreOptions& options) {
  PAL_CHECK(!predictions.empty(), "{}: expected at least one prediction, got none", metric);
  const auto words = [&](auto split) { return caption_words(predictions, options.tokenized, split); };
  if (metric == "accuracy") return accuracy(predictions);
  if (metric == "micro_f1" || metric == "macro_f1")
    return f1(metric, decisions(predictions), options.bootstrap);
  if (metric == "ciderd") return mean_over_clips(metric, cider_d(words(split_words)), options);
  if (metric == "rouge_l") return mean_over_clips(metric, rouge_l(words(split_at_spaces)), options);
  for (int n = 1; n <= 4; ++n) {
    if (metric == fmt::format("bleu{}", n)) return bleu_of_set(metric, n, words(split_words), options);
  }
  PAL_CHECK(metric != "map", "map: expected scores by class, got predictions");
  user_error("unknown metric '{}'; expected {}", metric, kNames);
}

Score score_classes(std::span<const ClassScores> clips, const std::string& metric,
                    const ScoreOptions& options) {
  PAL_CHECK(!clips.empty(), "{}: expected at least one clip, got none", metric);
  const auto bootstrap = affordable(options.bootstrap, clips);
  if (metric == "map") return map(clips, options.absent, bootstrap);
  PAL_CHECK(metric == "micro_f1" || metric == "macro_f1",
            "metric '{}' does not take scores by class; expected map, micro_f1 or macro_f1", metric);
  PAL_CHECK(options.threshold.has_value(), "{}: scores by class need a threshold", metric);
  return f1(metric, decisions(clips, *options.threshold), bootstrap);
}

Score score_file(const std::filesystem::path& path, const std::string& metric, const ScoreOptions& options) {
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
  return object.dump();
}

}  // namespace pal
