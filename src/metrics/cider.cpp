#include "pal/metrics/cider.h"

#include <array>
#include <cmath>
#include <set>
#include <string>

#include "ngrams.h"
#include "pal/core/check.h"

namespace pal {

namespace {

using detail::count_ngrams, detail::kLongestNgram, detail::NgramCounts;

constexpr double kSigma = 6.0;  // of the length penalty, in words
constexpr double kScale = 10.0;

// In how many clips' references each n-gram occurs.
NgramCounts document_frequency(std::span<const CaptionWords> clips) {
  NgramCounts frequency;
  for (const CaptionWords& clip : clips) {
    std::set<std::string> seen;
    for (const auto& reference : clip.references) {
      for (const NgramCounts& counts : count_ngrams(reference)) {
        for (const auto& [ngram, count] : counts) seen.insert(ngram);
      }
    }
    for (const std::string& ngram : seen) frequency[ngram] += 1.0;
  }
  return frequency;
}

// A caption as one weighted vector for each length of n-gram.
struct Vector {
  std::array<NgramCounts, kLongestNgram> weight;
  std::array<double, kLongestNgram> norm{};
  double length = 0;  // in words
};

Vector weigh(const std::vector<std::string>& words, const NgramCounts& frequency, double log_clips) {
  Vector vector{count_ngrams(words)};
  vector.length = double(words.size());
  for (std::size_t n = 0; n < kLongestNgram; ++n) {
    double squares = 0;
    for (auto& [ngram, weight] : vector.weight[n]) {
      const auto found = frequency.find(ngram);
      weight *= log_clips - (found == frequency.end() ? 0.0 : std::log(found->second));
      squares += weight * weight;
    }
    vector.norm[n] = std::sqrt(squares);
  }
  return vector;
}

double similarity(const Vector& candidate, const Vector& reference) {
  double sum = 0;
  for (std::size_t n = 0; n < kLongestNgram; ++n) {
    if (candidate.norm[n] == 0 || reference.norm[n] == 0) continue;
    double product = 0;
    for (const auto& [ngram, weight] : candidate.weight[n]) {
      const auto found = reference.weight[n].find(ngram);
      if (found != reference.weight[n].end()) product += std::min(weight, found->second) * found->second;
    }
    sum += product / (candidate.norm[n] * reference.norm[n]);
  }
  const double difference = candidate.length - reference.length;
  return sum / double(kLongestNgram) * std::exp(-difference * difference / (2 * kSigma * kSigma));
}

}  // namespace

std::vector<double> cider_d(std::span<const CaptionWords> clips) {
  const NgramCounts frequency = document_frequency(clips);
  const double log_clips = std::log(double(clips.size()));
  std::vector<double> scores;
  scores.reserve(clips.size());
  for (const CaptionWords& clip : clips) {
    PAL_CHECK(!clip.references.empty(), "CIDEr-D: clip {} has no references", scores.size());
    const Vector candidate = weigh(clip.candidate, frequency, log_clips);
    double sum = 0;
    for (const auto& reference : clip.references)
      sum += similarity(candidate, weigh(reference, frequency, log_clips));
    scores.push_back(kScale * sum / double(clip.references.size()));
  }
  return scores;
}

}  // namespace pal
