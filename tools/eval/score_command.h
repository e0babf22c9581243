// pal-eval --predictions: scores answers that were made elsewhere.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "pal/metrics/score.h"

namespace pal {

// What the command line says of a metric.
struct MetricArguments {
  std::string metric;
  bool tokenized = false;
  std::optional<double> threshold;
  std::string absent = "skip";
  JavaScorers java;
};

// Adds --metric and the options that metrics take.
void add_metric_options(CLI::App& app, MetricArguments& arguments);

// The same as options of the library. Throws UserError for an unknown metric and for an option that this one does not take.
ScoreOptions score_options(const MetricArguments& arguments);

// Prints the score of the prediction file (metrics/score.h: score_file) to stdout, as one JSON object where `json`.
// Returns the exit code; throws UserError for a wrong file, metric or option.
int score_command(const std::filesystem::path& predictions, const MetricArguments& metric, bool json);

}  // namespace pal
