// Counts of n-grams, for the caption metrics.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

namespace pal::detail {

constexpr std::size_t kLongestNgram = 4;  // words

// How often each n-gram of one length occurs; its words are joined by spaces, which no word holds.
using NgramCounts = std::unordered_map<std::string, double>;

// counts[n - 1] holds the n-grams of n words.
std::array<NgramCounts, kLongestNgram> count_ngrams(const std::vector<std::string>& words);

}  // namespace pal::detail
