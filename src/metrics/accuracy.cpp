#include "pal/metrics/accuracy.h"

#include <algorithm>

#include "pal/metrics/words.h"

namespace pal {

std::vector<double> accuracy_per_sample(std::span<const Prediction> predictions) {
  std::vector<double> correct;
  correct.reserve(predictions.size());
  for (const Prediction& one : predictions) {
    const std::string answer = trimmed_lower(one.prediction);
    correct.push_back(std::ranges::any_of(
        one.references, [&](const std::string& reference) { return trimmed_lower(reference) == answer; }));
  }
  return correct;
}

}  // namespace pal
