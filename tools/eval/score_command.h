// pal-eval --predictions: scores answers that were made elsewhere.
#pragma once

#include <filesystem>
#include <string>

#include "pal/metrics/score.h"

namespace pal {

// Prints the score of the prediction file (metrics/score.h: score_file) to stdout, as one JSON object where `json`.
// Returns the exit code; throws UserError for a wrong file or metric.
int score_command(const std::filesystem::path& predictions, const std::string& metric, bool json,
                  const ScoreOptions& options);

// tokenized: the captions are PTB-tokenized already.
int score_command(const std::filesystem::path& predictions, const std::string& metric, bool json,
                  bool tokenized);

}  // namespace pal
