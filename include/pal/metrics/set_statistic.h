// Scores of whole sets of clips, as resampling asks for them again and again.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pal/metrics/class_scores.h"
#include "pal/metrics/predictions.h"
#include "pal/metrics/score_options.h"

namespace pal {

// A set's score, given how often each clip counts, in the order of the clips; no weights: once each.
using SetStatistic = std::function<double(std::span<const int32_t> weights)>;

// A metric of a whole set, ready to be asked. It holds all it needs of the clips.
struct SetMetric {
  SetStatistic score;              // of the clips, by their weights
  std::vector<double> per_sample;  // bleu, meteor: each clip's own, whose mean is not the score; else empty
};

// metric: one of kWholeSet (metric_kind.h) but map. Throws UserError for another, and without predictions.
SetMetric set_metric(std::span<const Prediction> predictions, const std::string& metric, const ScoreOptions& options);

// metric: map, or micro_f1 and macro_f1, which need a threshold. Throws UserError for another, and without clips.
SetMetric set_metric(std::span<const ClassScores> clips, const std::string& metric, const ScoreOptions& options);

// How many resamples of `clips` are drawn where `asked` are wished for: fewer where the clips' classes x resamples pass 2e9
// (every class of AudioSet 10,000 times would take hours), but never less than 200 unless fewer are asked for.
int64_t affordable_draws(int64_t asked, std::span<const ClassScores> clips);

// The score of each clip by a metric of kMeanOfClips. Throws UserError for another metric, and without predictions.
std::vector<double> clip_scores(std::span<const Prediction> predictions, const std::string& metric, const ScoreOptions& options);

}  // namespace pal
