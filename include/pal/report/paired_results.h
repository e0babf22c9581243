// Two results on the same samples.
#pragma once

#include <string>

#include "pal/metrics/paired_test.h"
#include "pal/report/reported_result.h"

namespace pal {

// What a comparison found, or why there is none.
struct PairedResults {
  std::string missing;  // why they cannot be compared; empty: they were
  PairedTest test;      // a - b, over the samples that both hold
  int64_t only_a = 0;   // samples on which a scores higher
  int64_t only_b = 0;   // on which b does
};

// Pairs samples by id. Not compared: other metrics or manifests, metrics that are no mean over samples, no sample in common.
PairedResults compare_results(const ReportedResult& a, const ReportedResult& b);

}  // namespace pal
