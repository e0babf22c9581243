#include "pal/metrics/rouge_l.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {

using Words = std::vector<std::string>;

// The length of the longest common subsequence, row by row.
double common_words(const Words& a, const Words& b) {
  std::vector<int> above(b.size() + 1, 0), row(b.size() + 1, 0);
  for (const std::string& word : a) {
    for (std::size_t j = 0; j < b.size(); ++j)
      row[j + 1] = word == b[j] ? above[j] + 1 : std::max(row[j], above[j + 1]);
    std::swap(above, row);
  }
  return above.back();
}

}  // namespace

std::vector<double> rouge_l(std::span<const CaptionWords> clips) {
  constexpr double kBeta2 = 1.2 * 1.2;
  std::vector<double> scores;
  scores.reserve(clips.size());
  for (const CaptionWords& clip : clips) {
    PAL_CHECK(!clip.references.empty(), "ROUGE-L: clip {} has no references", scores.size());
    double precision = 0, recall = 0;
    for (const Words& reference : clip.references) {
      const double common = common_words(clip.candidate, reference);
      if (common == 0) continue;
      precision = std::max(precision, common / double(clip.candidate.size()));
      recall = std::max(recall, common / double(reference.size()));
    }
    scores.push_back(precision == 0 ? 0.0
                                    : (1 + kBeta2) * precision * recall / (recall + kBeta2 * precision));
  }
  return scores;
}

}  // namespace pal
