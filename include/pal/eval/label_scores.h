// Scores of every label for every clip, as the metrics of classes take them.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/eval/answer_file.h"
#include "pal/eval/evaluation_options.h"
#include "pal/metrics/class_scores.h"
#include "pal/metrics/score.h"

namespace pal {

// The likelihoods of options.answers, and which of them are references of the samples, compared as accuracy compares.
std::vector<ClassScores> likelihoods_by_class(const EvaluationOptions& options, std::span<const Sample> samples, std::span<const Answer> answers);

// The place of each clip's highest score; the first of several.
std::vector<std::size_t> best_classes(std::span<const ClassScores> clips);

// Scores one clip's classes by the metric: accuracy: of the best class, which is right where the clip has it. micro_f1, macro_f1: of the best class
// alone against all classes that the clip has. map: of all scores. Throws UserError for another metric.
Score score_by_class(std::span<const ClassScores> clips, const std::string& metric);

// Puts each clip's own score beside its prediction, where the metric is a mean over clips: "score", and for accuracy "correct".
void add_sample_scores(const Score& score, nlohmann::json& predictions);

}  // namespace pal
