// A score with its confidence interval, by the metric's name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pal/metrics/average_precision.h"
#include "pal/metrics/bootstrap.h"
#include "pal/metrics/class_scores.h"
#include "pal/metrics/predictions.h"

namespace pal {

// What a metric says of a set of clips.
struct Score {
  std::string metric;        // its name
  double score = 0;          // in the metric's own range
  double low = 0, high = 0;  // 95 %
  int64_t n = 0;             // clips
  // In the order of the clips; empty for metrics that are no mean over clips (micro_f1, macro_f1, map). For BLEU, each
  // clip's own BLEU, whose mean is not the score.
  std::vector<double> per_sample;
  std::optional<int64_t> absent_classes;  // map: classes that no clip has
};

// What metrics can be told.
struct ScoreOptions {
  bool tokenized = false;                       // the captions are PTB-tokenized already
  std::optional<double> threshold;              // F1 of class scores: a class is said where its score is above this
  AbsentClasses absent = AbsentClasses::kSkip;  // map
  BootstrapOptions bootstrap;                   // of the interval, where one is drawn
};

// Scores answers. metric:
//   accuracy                the share of answers that match a reference; Wilson's interval
//   micro_f1, macro_f1      of answers that are class names, compared as accuracy does
//   ciderd                  CIDEr-D after PTB tokenization, 0 to 10; document frequencies stay those of the whole set, and
//                           the clips' scores are resampled for the interval
//   bleu1 ... bleu4         BLEU of the set after PTB tokenization
//   rouge_l                 ROUGE-L after PTB tokenization
// Throws UserError for another name, with the list, and without predictions.
Score score_predictions(std::span<const Prediction> predictions, const std::string& metric,
                        const ScoreOptions& options = {});

// Scores scores by class. metric: map (mean average precision), micro_f1 or macro_f1 (need a threshold). Throws UserError as above.
// Where clips x classes x resamples passes 2e9, fewer resamples are drawn, but never less than 200.
Score score_classes(std::span<const ClassScores> clips, const std::string& metric,
                    const ScoreOptions& options = {});

// Reads the file that the metric needs, and scores it: class scores (class_scores.h) for map and wherever a threshold is
// given, predictions (predictions.h) otherwise.
Score score_file(const std::filesystem::path& path, const std::string& metric,
                 const ScoreOptions& options = {});

// {"metric", "score", "low", "high", "n"} on one line; for map also "absent".
std::string to_json(const Score& score);

}  // namespace pal
