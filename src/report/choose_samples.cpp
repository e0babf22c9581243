#include "pal/report/choose_samples.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace pal {

namespace {

using Places = std::vector<std::size_t>;

Places evenly(const Places& from, std::size_t count) {
  Places taken;
  for (std::size_t i = 0; i < count; ++i) taken.push_back(from[(2 * i + 1) * from.size() / (2 * count)]);
  return taken;
}

bool are_zero_or_one(const std::vector<std::vector<double>>& scores) {
  return std::ranges::all_of(scores, [](const auto& one) { return std::ranges::all_of(one, [](double s) { return s == 0 || s == 1; }); });
}

// How many each group gives when they take turns until `count` are given.
std::vector<std::size_t> turns(const std::vector<Places>& groups, std::size_t count) {
  std::vector<std::size_t> given(groups.size(), 0);
  for (std::size_t left = count; left > 0;)
    for (std::size_t g = 0; g < groups.size() && left > 0; ++g)
      if (given[g] < groups[g].size()) ++given[g], --left;
  return given;
}

Places by_pattern(const std::vector<std::vector<double>>& scores, const Places& all, std::size_t count) {
  std::map<std::vector<double>, Places> patterns;  // which results are right -> samples
  for (std::size_t place : all) {
    std::vector<double> pattern;
    for (const auto& one : scores) pattern.push_back(one[place]);
    patterns[pattern].push_back(place);
  }
  std::vector<Places> groups;
  for (auto& [pattern, places] : patterns) groups.push_back(std::move(places));
  const auto given = turns(groups, count);
  Places chosen;
  for (std::size_t g = 0; g < groups.size(); ++g) std::ranges::copy(evenly(groups[g], given[g]), std::back_inserter(chosen));
  return chosen;
}

}  // namespace

std::vector<std::size_t> choose_samples(const std::vector<std::vector<double>>& given, std::size_t samples, std::size_t count) {
  std::vector<std::vector<double>> scores;
  std::ranges::copy_if(given, std::back_inserter(scores), [](const auto& one) { return !one.empty(); });
  Places all(samples);
  std::iota(all.begin(), all.end(), 0);
  if (count >= samples) return all;
  Places chosen;
  if (!scores.empty() && are_zero_or_one(scores)) {
    chosen = by_pattern(scores, all, count);
  } else {
    if (!scores.empty()) std::ranges::stable_sort(all, {}, [&](std::size_t place) { return scores[0][place]; });
    chosen = evenly(all, count);
  }
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace pal
