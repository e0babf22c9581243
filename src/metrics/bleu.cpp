#include "pal/metrics/bleu.h"

#include <algorithm>
#include <cmath>

#include "ngrams.h"
#include "pal/core/check.h"

namespace pal {

namespace {

BleuCounts count(const CaptionWords& clip) {
  BleuCounts counts;
  counts.candidate_words = double(clip.candidate.size());
  const auto candidate = detail::count_ngrams(clip.candidate);
  std::array<detail::NgramCounts, detail::kLongestNgram> most;  // in any one reference
  double nearest = INFINITY;
  for (const auto& reference : clip.references) {
    const auto ngrams = detail::count_ngrams(reference);
    for (std::size_t n = 0; n < ngrams.size(); ++n) {
      for (const auto& [ngram, times] : ngrams[n]) most[n][ngram] = std::max(most[n][ngram], times);
    }
    const double words = double(reference.size()), distance = std::abs(words - counts.candidate_words);
    if (distance < nearest || (distance == nearest && words < counts.reference_words)) {
      nearest = distance;
      counts.reference_words = words;
    }
  }
  for (std::size_t n = 0; n < candidate.size(); ++n) {
    for (const auto& [ngram, times] : candidate[n]) {
      counts.ngrams[n] += times;
      const auto found = most[n].find(ngram);
      if (found != most[n].end()) counts.matched[n] += std::min(times, found->second);
    }
  }
  return counts;
}

}  // namespace

std::vector<BleuCounts> bleu_counts(std::span<const CaptionWords> clips) {
  std::vector<BleuCounts> all;
  all.reserve(clips.size());
  for (const CaptionWords& clip : clips) {
    PAL_CHECK(!clip.references.empty(), "BLEU: clip {} has no references", all.size());
    all.push_back(count(clip));
  }
  return all;
}

double bleu(const BleuCounts& counts, int n) {
  PAL_ASSERT(n >= 1 && n <= int(counts.ngrams.size()), "BLEU-{}", n);
  constexpr double kSmall = 1e-9, kTiny = 1e-15;  // pycocoevalcap's, so that nothing is divided by 0
  double product = 1;
  for (std::size_t i = 0; i < std::size_t(n); ++i)
    product *= (counts.matched[i] + kTiny) / (counts.ngrams[i] + kSmall);
  const double ratio = (counts.candidate_words + kTiny) / (counts.reference_words + kSmall);
  return std::pow(product, 1.0 / n) * (ratio < 1 ? std::exp(1 - 1 / ratio) : 1.0);
}

}  // namespace pal
