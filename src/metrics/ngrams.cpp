#include "ngrams.h"

namespace pal::detail {

std::array<NgramCounts, kLongestNgram> count_ngrams(const std::vector<std::string>& words) {
  std::array<NgramCounts, kLongestNgram> counts;
  for (std::size_t begin = 0; begin < words.size(); ++begin) {
    std::string ngram;
    for (std::size_t n = 0; n < kLongestNgram && begin + n < words.size(); ++n) {
      ngram += (n == 0 ? "" : " ") + words[begin + n];
      counts[n][ngram] += 1.0;
    }
  }
  return counts;
}

}  // namespace pal::detail
