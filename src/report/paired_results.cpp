#include "pal/report/paired_results.h"

#include <map>

#include "pal/core/check.h"

namespace pal {

namespace {

std::string why_not(const ReportedResult& a, const ReportedResult& b) {
  if (a.score.metric != b.score.metric) return fmt::format("other metrics: {} and {}", a.score.metric, b.score.metric);
  if (a.manifest_sha256 != b.manifest_sha256) return "other manifests";
  if (a.score.per_sample.empty() || b.score.per_sample.empty()) return fmt::format("{} is no mean over samples", a.score.metric);
  return {};
}

}  // namespace

PairedResults compare_results(const ReportedResult& a, const ReportedResult& b) {
  PairedResults paired;
  paired.missing = why_not(a, b);
  if (!paired.missing.empty()) return paired;
  std::map<std::string, double> of_b;
  for (std::size_t i = 0; i < b.predictions.size(); ++i) of_b[b.predictions[i].id] = b.score.per_sample[i];
  std::vector<double> scores_a, scores_b;
  for (std::size_t i = 0; i < a.predictions.size(); ++i) {
    const auto found = of_b.find(a.predictions[i].id);
    if (found == of_b.end()) continue;
    scores_a.push_back(a.score.per_sample[i]);
    scores_b.push_back(found->second);
    paired.only_a += scores_a.back() > scores_b.back();
    paired.only_b += scores_a.back() < scores_b.back();
  }
  if (scores_a.empty())
    paired.missing = "no sample in common";
  else
    paired.test = compare_paired(scores_a, scores_b);
  return paired;
}

}  // namespace pal
