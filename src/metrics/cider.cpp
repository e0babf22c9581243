#include "pal/metrics/cider.h"

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <unordered_map>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::size_t kLongest = 4;  // words in an n-gram
constexpr double kSigma = 6.0;       // of the length penalty, in bigrams
constexpr double kScale = 10.0;

// N-grams of one length and how often they occur; the words are joined by spaces, which no word holds.
using Counts = std::unordered_map<std::string, double>;

std::array<Counts, kLongest> count_ngrams(const std::vector<std::string>& words) {
  std::array<Counts, kLongest> counts;
  for (std::size_t begin = 0; begin < words.size(); ++begin) {
    std::string ngram;
    for (std::size_t n = 0; n < kLongest && begin + n < words.size(); ++n) {
      ngram += (n == 0 ? "" : " ") + words[begin + n];
      counts[n][ngram] += 1.0;
    }
  }
  return counts;
}

// In how many clips' references each n-gram occurs.
Counts document_frequency(std::span<const CaptionWords> clips) {
  Counts frequency;
  for (const CaptionWords& clip : clips) {
    std::set<std::string> seen;
    for (const auto& reference : clip.references) {
      for (const Counts& counts : count_ngrams(reference)) {
        for (const auto& [ngram, count] : counts) seen.insert(ngram);
      }
    }
    for (const std::string& ngram : seen) frequency[ngram] += 1.0;
  }
  return frequency;
}

// A caption as one weighted vector for each length of n-gram.
struct Vector {
  std::array<Counts, kLongest> weight;
  std::array<double, kLongest> norm{};
  double length = 0;  // in bigrams
};

Vector weigh(const std::vector<std::string>& words, const Counts& frequency, double log_clips) {
  Vector vector{count_ngrams(words)};
  vector.length = words.empty() ? 0.0 : double(words.size() - 1);
  for (std::size_t n = 0; n < kLongest; ++n) {
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
  for (std::size_t n = 0; n < kLongest; ++n) {
    if (candidate.norm[n] == 0 || reference.norm[n] == 0) continue;
    double product = 0;
    for (const auto& [ngram, weight] : candidate.weight[n]) {
      const auto found = reference.weight[n].find(ngram);
      if (found != reference.weight[n].end()) product += std::min(weight, found->second) * found->second;
    }
    sum += product / (candidate.norm[n] * reference.norm[n]);
  }
  const double difference = candidate.length - reference.length;
  return sum / double(kLongest) * std::exp(-difference * difference / (2 * kSigma * kSigma));
}

}  // namespace

std::vector<double> cider_d(std::span<const CaptionWords> clips) {
  const Counts frequency = document_frequency(clips);
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
