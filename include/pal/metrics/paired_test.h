// Whether one system really beats another on the same clips.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace pal {

// What a paired test found.
struct PairedTest {
  std::string test;       // "mcnemar", "sign_flip" or "swap"
  double difference = 0;  // a's score - b's
  double p_value = 1;     // two-sided: how likely such a difference is between systems that are equally good
  int64_t n = 0;          // clips
};

// McNemar's exact test for 0/1 scores: binomial over the clips where only one of both is right.
// Throws UserError where the lengths differ, nothing is given, or a score is neither 0 nor 1.
PairedTest mcnemar(std::span<const double> a, std::span<const double> b);

// How permutations are drawn.
struct PermutationOptions {
  int64_t draws = 10'000;  // random permutations
  uint64_t seed = 0;       // of the draws
};

// Permutation test for real-valued scores: were both equally good, each clip's a - b could as well be b - a. The p-value
// is the share of random flips with a mean at least as far from 0, the observed one among them, so never 0.
// Throws UserError where the lengths differ or nothing is given.
PairedTest sign_flip(std::span<const double> a, std::span<const double> b,
                     const PermutationOptions& options = {});

// Permutation test for a score of a whole set, which is no mean over clips: were both equally good, each clip's two answers could
// as well change places. `score` is asked with weights (0 or 1) of 2 x `clips` answers, first a's, then b's; an answer and its
// rival are one clip. The p-value as in sign_flip.
PairedTest swap_answers(int64_t clips, const std::function<double(std::span<const int32_t> weights)>& score,
                        const PermutationOptions& options = {});

// mcnemar where all scores are 0 or 1, otherwise sign_flip.
PairedTest compare_paired(std::span<const double> a, std::span<const double> b,
                          const PermutationOptions& options = {});

}  // namespace pal
