#include "pal/metrics/set_statistic.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "pal/core/check.h"
#include "pal/metrics/accuracy.h"
#include "pal/metrics/bleu.h"
#include "pal/metrics/cider.h"
#include "pal/metrics/f1.h"
#include "pal/metrics/meteor.h"
#include "pal/metrics/rouge_l.h"
#include "pal/metrics/spice.h"

namespace pal {

namespace {

// What clip i weighs.
double weight_of(std::span<const int32_t> weights, std::size_t i) { return weights.empty() ? 1.0 : weights[i]; }

BleuCounts add(const std::vector<BleuCounts>& clips, std::span<const int32_t> weights) {
  BleuCounts sum;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const double weight = weight_of(weights, i);
    for (std::size_t n = 0; n < sum.ngrams.size(); ++n) {
      sum.ngrams[n] += weight * clips[i].ngrams[n];
      sum.matched[n] += weight * clips[i].matched[n];
    }
    sum.candidate_words += weight * clips[i].candidate_words;
    sum.reference_words += weight * clips[i].reference_words;
  }
  return sum;
}

SetMetric bleu_metric(std::span<const CaptionWords> clips, int n) {
  SetMetric metric;
  const auto counts = bleu_counts(clips);
  for (const BleuCounts& one : counts) metric.per_sample.push_back(bleu(one, n));
  metric.score = [counts, n](std::span<const int32_t> weights) { return bleu(add(counts, weights), n); };
  return metric;
}

Meteor::Counts add(const std::vector<Meteor::Counts>& clips, std::span<const int32_t> weights) {
  Meteor::Counts sum(clips.at(0).size(), 0.0);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const double weight = weight_of(weights, i);
    if (weight == 0) continue;
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += weight * clips[i][k];
  }
  return sum;
}

SetMetric meteor_metric(std::span<const CaptionWords> clips, const JavaScorers& java) {
  PAL_CHECK(!java.meteor_jar.empty(), "meteor: needs its authors' jar");
  const auto meteor = std::make_shared<Meteor>(java.meteor_jar, java.seconds);
  SetMetric metric;
  std::vector<Meteor::Counts> counts;
  for (const CaptionWords& clip : clips) {
    counts.push_back(meteor->counts(clip));
    PAL_CHECK(counts.back().size() == counts[0].size(), "meteor: the jar gave {} numbers for one clip and {} for another",
              counts[0].size(), counts.back().size());
    metric.per_sample.push_back(meteor->score(counts.back()));
  }
  metric.score = [counts, meteor](std::span<const int32_t> weights) { return meteor->score(add(counts, weights)); };
  return metric;
}

SetMetric f1_metric(Decisions all, bool micro) {
  return {[all = std::move(all), micro](std::span<const int32_t> weights) { return micro ? micro_f1(all, weights) : macro_f1(all, weights); }, {}};
}

}  // namespace

SetMetric set_metric(std::span<const Prediction> predictions, const std::string& metric, const ScoreOptions& options) {
  PAL_CHECK(!predictions.empty(), "{}: expected at least one prediction, got none", metric);
  if (metric == "micro_f1" || metric == "macro_f1") return f1_metric(decisions(predictions), metric == "micro_f1");
  if (metric == "meteor") return meteor_metric(caption_words(predictions, options.tokenized), options.java);
  for (int n = 1; n <= 4; ++n) {
    if (metric == fmt::format("bleu{}", n)) return bleu_metric(caption_words(predictions, options.tokenized), n);
  }
  user_error("{}: expected scores by class, got predictions", metric);
}

SetMetric set_metric(std::span<const ClassScores> clips, const std::string& metric, const ScoreOptions& options) {
  PAL_CHECK(!clips.empty(), "{}: expected at least one clip, got none", metric);
  if (metric != "map") {
    PAL_CHECK(metric == "micro_f1" || metric == "macro_f1",
              "metric '{}' does not take scores by class; expected map, micro_f1 or macro_f1", metric);
    PAL_CHECK(options.threshold.has_value(), "{}: scores by class need a threshold", metric);
    return f1_metric(decisions(clips, *options.threshold), metric == "micro_f1");
  }
  const auto of_drawn = [classes = precision_recall(clips), absent = options.absent](std::span<const int32_t> weights) {
    // Few clips may be drawn without any class at all; then nothing was found.
    const double value = mean_average_precision(classes, absent, weights).mean;
    return std::isnan(value) ? 0.0 : value;
  };
  return {of_drawn, {}};
}

int64_t affordable_draws(int64_t asked, std::span<const ClassScores> clips) {
  const double work = double(clips.size()) * double(clips[0].scores.size());
  return std::min(asked, std::max<int64_t>(200, int64_t(2e9 / work)));
}

std::vector<double> clip_scores(std::span<const Prediction> predictions, const std::string& metric, const ScoreOptions& options) {
  PAL_CHECK(!predictions.empty(), "{}: expected at least one prediction, got none", metric);
  const auto words = [&](auto split) { return caption_words(predictions, options.tokenized, split); };
  if (metric == "accuracy") return accuracy_per_sample(predictions);
  if (metric == "ciderd") return cider_d(words(split_words));
  if (metric == "rouge_l") return rouge_l(words(split_at_spaces));
  PAL_CHECK(metric == "spice", "metric '{}' is no mean over clips", metric);
  PAL_CHECK(!options.java.spice_jar.empty(), "spice: needs its authors' jar");
  return spice(words(split_words), options.java.spice_jar, options.java.seconds);
}

}  // namespace pal
