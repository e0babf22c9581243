#include "pal/metrics/metric_kind.h"

#include <algorithm>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/suggest.h"

namespace pal {

MetricKind metric_kind(const std::string& metric) {
  static const std::vector<std::string> of_clips = {"accuracy", "ciderd", "rouge_l", "spice"},
                                        of_sets = {"micro_f1", "macro_f1", "map", "bleu1", "bleu2", "bleu3", "bleu4", "meteor"};
  if (std::ranges::count(of_clips, metric) != 0) return MetricKind::kMeanOfClips;
  if (std::ranges::count(of_sets, metric) != 0) return MetricKind::kWholeSet;
  const std::string near = nearest(metric, of_clips).empty() ? nearest(metric, of_sets) : nearest(metric, of_clips);
  user_error("unknown metric '{}'; {}expected {}, {}", metric, near.empty() ? "" : "did you mean '" + near + "'? ",
             fmt::join(of_clips, ", "), fmt::join(of_sets, ", "));
}

}  // namespace pal
