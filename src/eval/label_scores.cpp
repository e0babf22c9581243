#include "pal/eval/label_scores.h"

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "pal/metrics/words.h"

namespace pal {

namespace {

// The best class is said, and no other.
std::vector<ClassScores> only_best(std::span<const ClassScores> clips) {
  std::vector<ClassScores> said(clips.begin(), clips.end());
  const auto best = best_classes(clips);
  for (std::size_t i = 0; i < said.size(); ++i) {
    std::ranges::fill(said[i].scores, 0.0);
    said[i].scores[best[i]] = 1.0;
  }
  return said;
}

// As texts, so that accuracy is computed in one place.
std::vector<Prediction> best_as_predictions(std::span<const ClassScores> clips) {
  const auto best = best_classes(clips);
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    std::vector<std::string> references;
    for (std::size_t c = 0; c < clips[i].labels.size(); ++c)
      if (clips[i].labels[c]) references.push_back(std::to_string(c));
    predictions.push_back({clips[i].id, std::to_string(best[i]), std::move(references)});
  }
  return predictions;
}

}  // namespace

std::vector<ClassScores> likelihoods_by_class(const EvaluationOptions& options, std::span<const Sample> samples, std::span<const Answer> answers) {
  std::vector<std::string> classes;
  for (const auto& answer : options.answers) classes.push_back(trimmed_lower(answer));
  std::vector<ClassScores> clips;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::set<std::string> references;
    for (const auto& reference : references_of(samples[i])) references.insert(trimmed_lower(reference));
    auto& clip = clips.emplace_back(ClassScores{answers[i].id, answers[i].likelihoods, {}});
    for (const auto& name : classes) clip.labels.push_back(references.contains(name));
  }
  return clips;
}

std::vector<std::size_t> best_classes(std::span<const ClassScores> clips) {
  std::vector<std::size_t> best;
  for (const auto& clip : clips) best.push_back(std::size_t(std::ranges::max_element(clip.scores) - clip.scores.begin()));
  return best;
}

Score score_by_class(std::span<const ClassScores> clips, const std::string& metric) {
  if (metric == "accuracy") return score_predictions(best_as_predictions(clips), metric);
  if (metric == "map") return score_classes(clips, metric);
  ScoreOptions options;
  options.threshold = 0.5;  // between what only_best() says and what it does not
  return score_classes(only_best(clips), metric, options);
}

void add_sample_scores(const Score& score, nlohmann::json& predictions) {
  for (std::size_t i = 0; i < score.per_sample.size(); ++i) {  // empty for F1 and mAP, which are no means over clips
    predictions[i]["score"] = score.per_sample[i];
    if (score.metric == "accuracy") predictions[i]["correct"] = score.per_sample[i] == 1.0;
  }
}

}  // namespace pal
