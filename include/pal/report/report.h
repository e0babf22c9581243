// Results of evaluations as one page: scores, classes, comparisons, cost, and what the models heard in some samples.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <torch/types.h>

#include "pal/report/reported_result.h"

namespace pal {

// What a report holds.
struct ReportOptions {
  int64_t samples = 8;                // that are shown one by one; see choose_samples.h
  double seconds = 10;                // of each recording; at most 30
  bool scores_only = false;           // open no checkpoint and no recording: no cost, nothing to hear or see
  torch::Device device = torch::kCPU;  // that the models run on
};

// Everything that the page shows. Opens the checkpoints (one at a time), manifests and recordings that the results name, unless
// scores_only. Throws UserError where one of them is missing or is not what it was.
nlohmann::json make_report(const std::vector<ReportedResult>& results, const ReportOptions& options);

// The page: HTML that holds all it needs and asks for nothing else (its Content-Security-Policy allows no network and no script but its
// own, by hash). Texts of the report are data in it, never markup.
std::string report_page(const nlohmann::json& report);

}  // namespace pal
