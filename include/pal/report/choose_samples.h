// Which samples a report shows.
#pragma once

#include <cstdint>
#include <vector>

namespace pal {

// Places of `count` samples, or all where there are fewer, in increasing order; without any randomness.
//   scores: per result the score of each sample; results that have none are left out, and where none has any, samples are taken evenly.
// Scores of 0 and 1: samples are grouped by which results are right, and the groups take turns, so that right, wrong and disputed samples
// all appear; from each group evenly. Other scores: evenly from the first result's worst to its best.
std::vector<std::size_t> choose_samples(const std::vector<std::vector<double>>& scores, std::size_t samples, std::size_t count);

}  // namespace pal
