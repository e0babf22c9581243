#include "pal/metrics/average_precision.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pal/core/check.h"

namespace pal {

PrecisionRecall::PrecisionRecall(std::span<const double> scores, std::span<const uint8_t> labels) {
  PAL_ASSERT(scores.size() == labels.size(), "{} scores, {} labels", scores.size(), labels.size());
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto score = [&](int32_t i) { return scores[std::size_t(i)]; };
  PAL_CHECK(std::ranges::none_of(scores, [](double x) { return std::isnan(x); }),
            "average precision: a score is NaN");
  std::ranges::stable_sort(order, std::greater<>(), score);
  clips_.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool last = i + 1 == order.size() || score(order[i]) != score(order[i + 1]);
    clips_.push_back({order[i], labels[std::size_t(order[i])] != 0, last});
  }
}

double PrecisionRecall::average_precision(std::span<const int32_t> weights) const {
  PAL_ASSERT(weights.empty() || weights.size() == clips_.size(), "{} weights for {} clips", weights.size(),
             clips_.size());
  double seen = 0, found = 0, found_before = 0, sum = 0;
  for (const Clip& clip : clips_) {
    const double weight = weights.empty() ? 1.0 : weights[std::size_t(clip.index)];
    seen += weight;
    if (clip.positive) found += weight;
    if (!clip.last_of_its_score || found == found_before) continue;
    sum += (found - found_before) * found / seen;
    found_before = found;
  }
  return found == 0 ? NAN : sum / found;
}

std::vector<PrecisionRecall> precision_recall(std::span<const ClassScores> clips) {
  PAL_CHECK(!clips.empty(), "mAP: expected at least one clip, got none");
  std::vector<PrecisionRecall> classes;
  std::vector<double> scores(clips.size());
  std::vector<uint8_t> labels(clips.size());
  for (std::size_t c = 0; c < clips[0].scores.size(); ++c) {
    for (std::size_t i = 0; i < clips.size(); ++i) {
      scores[i] = clips[i].scores[c];
      labels[i] = clips[i].labels[c];
    }
    classes.emplace_back(scores, labels);
  }
  return classes;
}

MeanAveragePrecision mean_average_precision(std::span<const PrecisionRecall> classes, AbsentClasses absent,
                                            std::span<const int32_t> weights) {
  MeanAveragePrecision result;
  double sum = 0;
  for (const PrecisionRecall& one : classes) {
    result.per_class.push_back(one.average_precision(weights));
    if (std::isnan(result.per_class.back()))
      ++result.absent;
    else
      sum += result.per_class.back();
  }
  const int64_t counted = int64_t(classes.size()) - (absent == AbsentClasses::kSkip ? result.absent : 0);
  result.mean = counted == 0 ? NAN : sum / double(counted);
  return result;
}

}  // namespace pal
