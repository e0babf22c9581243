// Whether one system really beats another on the same clips.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pal {

// What a paired test found.
struct PairedTest {
  std::string test;       // "mcnemar" or "sign_flip"
  double difference = 0;  // mean of a - b
  double p_value = 1;     // two-sided: how likely such a difference is between systems that are equally good
  int64_t n = 0;          // clips
};

// McNemar's exact test for 0/1 scores: binomial over the clips where only one of both is right.
// Throws UserError where the lengths differ, nothing is given, or a score is neither 0 nor 1.
PairedTest mcnemar(std::span<const double> a, std::span<const double> b);

// How flips are drawn.
struct SignFlipOptions {
  int64_t draws = 10'000;  // random flips
  uint64_t seed = 0;       // of the draws
};

// Permutation test for real-valued scores: were both equally good, each clip's a - b could as well be b - a. The p-value
// is the share of random flips with a mean at least as far from 0, the observed one among them, so never 0.
// Throws UserError where the lengths differ or nothing is given.
PairedTest sign_flip(std::span<const double> a, std::span<const double> b,
                     const SignFlipOptions& options = {});

// mcnemar where all scores are 0 or 1, otherwise sign_flip.
PairedTest compare_paired(std::span<const double> a, std::span<const double> b,
                          const SignFlipOptions& options = {});

}  // namespace pal
