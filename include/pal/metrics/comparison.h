// Two systems on the same clips: which scores higher, by how much, and how likely such a difference is by chance.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pal/metrics/result_file.h"
#include "pal/metrics/score_options.h"

namespace pal {

// What became of it.
struct Comparison {
  std::string metric;        // that both were scored by
  double a = 0, b = 0;       // the scores
  double difference = 0;     // a - b
  double low = 0, high = 0;  // 95 % of the difference, by bootstrap of the clips, both systems' answers drawn together
  double p_value = 1;        // two-sided, of `test`
  std::string test;          // mcnemar, sign_flip or swap (paired_test.h)
  int64_t draws = 0;         // of interval and test; mcnemar is exact
  int64_t n = 0;             // clips
};

// The metric that the files were scored by. Throws UserError where none says so, or where they differ. `a_name` and `b_name` are named in messages.
std::string common_metric(const ResultFile& a, const ResultFile& b, const std::string& a_name = "a", const std::string& b_name = "b");

// Compares by `metric`. One that is a mean over clips is tested by the clips' scores (those that results.json holds, where it was scored by
// this metric), any other by the score of the set with clips swapped. Throws UserError where the files do not hold the same ids with the same references or labels, and for
// a metric that is not available.
Comparison compare(const ResultFile& a, const ResultFile& b, const std::string& metric, const ScoreOptions& options,
                   const std::string& a_name = "a", const std::string& b_name = "b");

// One JSON object on one line, with the fields as above.
std::string to_json(const Comparison& comparison);

}  // namespace pal
