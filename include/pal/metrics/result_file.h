// What a model made of a set of clips, from either kind of file that says so: results.json of pal-eval, or JSON lines.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pal/metrics/class_scores.h"
#include "pal/metrics/predictions.h"

namespace pal {

// The clips of a file; either `predictions` or `classes` is filled.
struct ResultFile {
  std::string metric;                   // what a results.json was scored by; "" of JSON lines
  std::vector<Prediction> predictions;  // answers
  std::vector<ClassScores> classes;     // scores by class
  std::vector<double> clip_scores;      // of a results.json: what `metric` gave each answer, where it holds that
};

// Reads either kind, told apart by content. Each clip is {"id", "prediction", "references"} or {"id", "scores", "labels"}.
// Throws UserError that names the file and the line or clip, for clips of both kinds, and for an id that stands there twice.
ResultFile read_result_file(const std::filesystem::path& path);

}  // namespace pal
