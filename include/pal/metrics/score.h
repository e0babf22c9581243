// A score with its confidence interval, by the metric's name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pal/metrics/class_scores.h"
#include "pal/metrics/predictions.h"
#include "pal/metrics/score_options.h"

namespace pal {

// What a metric says of a set of clips.
struct Score {
  std::string metric;        // its name
  double score = 0;          // in the metric's own range
  double low = 0, high = 0;  // 95 %
  int64_t n = 0;             // clips
  // In the order of the clips; empty for metrics that are no mean over clips (micro_f1, macro_f1, map). For BLEU and METEOR,
  // each clip's own, whose mean is not the score.
  std::vector<double> per_sample;
  std::optional<int64_t> absent_classes;  // map: classes that no clip has
  std::string not_available;              // why there is no score, where there is none; the numbers are NaN then
};

// Scores answers. metric:
//   accuracy                the share of answers that match a reference; Wilson's interval
//   micro_f1, macro_f1      of answers that are class names, compared as accuracy does
//   ciderd                  CIDEr-D after PTB tokenization, 0 to 10; document frequencies stay those of the whole set, and
//                           the clips' scores are resampled for the interval
//   bleu1 ... bleu4         BLEU of the set after PTB tokenization
//   rouge_l                 ROUGE-L after PTB tokenization
//   meteor, spice           after PTB tokenization, by the user's jar (meteor.h, spice.h); not_available where none is given
// Throws UserError for another name, with the list, and without predictions.
Score score_predictions(std::span<const Prediction> predictions, const std::string& metric,
                        const ScoreOptions& options = {});

// Scores scores by class. metric: map (mean average precision), micro_f1 or macro_f1 (need a threshold). Throws UserError as above.
// Of many clips and classes fewer resamples are drawn (affordable_draws() in set_statistic.h).
Score score_classes(std::span<const ClassScores> clips, const std::string& metric,
                    const ScoreOptions& options = {});

// Reads the file that the metric needs, and scores it: class scores (class_scores.h) for map and wherever a threshold is
// given, predictions (predictions.h) otherwise.
Score score_file(const std::filesystem::path& path, const std::string& metric,
                 const ScoreOptions& options = {});

// {"metric", "score", "low", "high", "n"} on one line; for map also "absent"; where there is no score, the numbers are null and
// "not_available" says why.
std::string to_json(const Score& score);

}  // namespace pal
