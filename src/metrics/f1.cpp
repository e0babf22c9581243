#include "pal/metrics/f1.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "pal/core/check.h"
#include "pal/metrics/words.h"

namespace pal {

namespace {

struct Counts {
  double both = 0, said = 0, true_labels = 0;
};

double f1(const Counts& counts) {
  const double sum = counts.said + counts.true_labels;
  return sum == 0 ? 0.0 : 2 * counts.both / sum;
}

std::vector<Counts> count_by_class(const Decisions& decisions, std::span<const int32_t> weights) {
  PAL_ASSERT(weights.empty() || weights.size() == decisions.by_clip.size(), "{} weights for {} clips",
             weights.size(), decisions.by_clip.size());
  // The last one holds what was said outside the classes.
  std::vector<Counts> counts(std::size_t(decisions.classes) + 1);
  for (std::size_t i = 0; i < decisions.by_clip.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    for (const Decision& decision : decisions.by_clip[i]) {
      Counts& one = counts[std::size_t(decision.label)];
      one.said += decision.said ? weight : 0;
      one.true_labels += decision.true_label ? weight : 0;
      one.both += decision.said && decision.true_label ? weight : 0;
    }
  }
  return counts;
}

}  // namespace

Decisions decisions(std::span<const ClassScores> clips, double threshold) {
  PAL_CHECK(!clips.empty(), "F1: expected at least one clip, got none");
  Decisions all{int32_t(clips[0].scores.size()), {}};
  for (const ClassScores& clip : clips) {
    auto& kept = all.by_clip.emplace_back();
    for (std::size_t c = 0; c < clip.scores.size(); ++c) {
      const bool said = clip.scores[c] > threshold, true_label = clip.labels[c] != 0;
      if (said || true_label) kept.push_back({int32_t(c), said, true_label});
    }
  }
  return all;
}

Decisions decisions(std::span<const Prediction> predictions) {
  PAL_CHECK(!predictions.empty(), "F1: expected at least one prediction, got none");
  std::map<std::string, int32_t> classes;
  for (const Prediction& one : predictions) {
    for (const std::string& reference : one.references) {
      classes.emplace(trimmed_lower(reference), int32_t(classes.size()));
    }
  }
  Decisions all{int32_t(classes.size()), {}};
  for (const Prediction& one : predictions) {
    const std::string answer = trimmed_lower(one.prediction);
    const auto found = classes.find(answer);
    const int32_t said = found == classes.end() ? all.classes : found->second;
    const bool right =
        std::ranges::any_of(one.references, [&](const auto& r) { return trimmed_lower(r) == answer; });
    if (right)
      all.by_clip.push_back({{said, true, true}});
    else
      all.by_clip.push_back(
          {{said, true, false}, {classes.at(trimmed_lower(one.references.at(0))), false, true}});
  }
  return all;
}

double micro_f1(const Decisions& decisions, std::span<const int32_t> weights) {
  Counts sum;
  for (const Counts& one : count_by_class(decisions, weights)) {
    sum.both += one.both;
    sum.said += one.said;
    sum.true_labels += one.true_labels;
  }
  return f1(sum);
}

double macro_f1(const Decisions& decisions, std::span<const int32_t> weights) {
  const auto counts = count_by_class(decisions, weights);
  double sum = 0;
  for (std::size_t c = 0; c < std::size_t(decisions.classes); ++c) sum += f1(counts[c]);
  return sum / double(decisions.classes);
}

}  // namespace pal
