#include "pal/metrics/comparison.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "pal/core/check.h"
#include "pal/metrics/metric_kind.h"
#include "pal/metrics/paired_test.h"
#include "pal/metrics/set_statistic.h"

namespace pal {

namespace {

struct Names {
  const std::string &a, &b;
};

std::vector<std::string> first_of(const std::vector<std::string>& ids) { return {ids.begin(), ids.begin() + std::min<long>(3, long(ids.size()))}; }

// Where each clip of a stands in b. Both have each id once.
template <typename Clip>
std::vector<std::size_t> places(const std::vector<Clip>& a, const std::vector<Clip>& b, const Names& names) {
  std::map<std::string, std::size_t> in_b;
  for (std::size_t i = 0; i < b.size(); ++i) in_b.emplace(b[i].id, i);
  std::vector<std::size_t> found;
  std::vector<std::string> only_a, only_b;
  for (const Clip& clip : a) {
    const auto place = in_b.find(clip.id);
    if (place == in_b.end()) {
      only_a.push_back(clip.id);
    } else {
      found.push_back(place->second);
      in_b.erase(place);
    }
  }
  for (const auto& [id, place] : in_b) only_b.push_back(id);
  PAL_CHECK(only_a.empty() && only_b.empty(), "compare: expected the same ids in both files; {} only in {} ({}), {} only in {} ({})", only_a.size(),
            names.a, fmt::join(first_of(only_a), ", "), only_b.size(), names.b, fmt::join(first_of(only_b), ", "));
  return found;
}

template <typename T>
std::vector<T> reordered(const std::vector<T>& values, const std::vector<std::size_t>& places) {
  std::vector<T> result;
  for (const std::size_t place : places) result.push_back(values[place]);
  return result;
}

bool same_truth(const Prediction& a, const Prediction& b) {
  auto one = a.references, other = b.references;
  std::ranges::sort(one);
  std::ranges::sort(other);
  return one == other;
}

bool same_truth(const ClassScores& a, const ClassScores& b) { return a.labels == b.labels; }

// b's clips in a's order.
template <typename Clip>
std::vector<Clip> matched(const std::vector<Clip>& a, const std::vector<Clip>& b, const std::vector<std::size_t>& places, const Names& names) {
  auto other = reordered(b, places);
  for (std::size_t i = 0; i < a.size(); ++i)
    PAL_CHECK(same_truth(a[i], other[i]), "compare: id '{}': {} and {} disagree on what is right", a[i].id, names.a, names.b);
  return other;
}

double mean(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size()); }

Comparison compare_means(const std::vector<double>& a, const std::vector<double>& b, const BootstrapOptions& bootstrap) {
  PermutationOptions permutations;
  permutations.seed = bootstrap.seed;
  permutations.draws = bootstrap.resamples;
  const auto test = compare_paired(a, b, permutations);
  std::vector<double> differences(a.size());
  std::ranges::transform(a, b, differences.begin(), std::minus<>());
  const auto interval = bootstrap_mean(differences, bootstrap);
  return {"", mean(a), mean(b), test.difference, interval.low, interval.high, test.p_value, test.test, bootstrap.resamples, test.n};
}

// `score` of both systems' answers: weights of n of a, then of n of b.
Comparison compare_sets(const SetStatistic& score, int64_t n, const BootstrapOptions& bootstrap_options) {
  std::vector<int32_t> weights(std::size_t(2 * n), 0);
  const auto of_half = [&](std::span<const int32_t> drawn, bool second) {
    std::ranges::fill(weights, 0);
    std::ranges::copy(drawn, weights.begin() + (second ? n : 0));
    return score(weights);
  };
  const std::vector<int32_t> once(std::size_t(n), 1);
  const auto interval = bootstrap(n, [&](std::span<const int32_t> drawn) { return of_half(drawn, false) - of_half(drawn, true); }, bootstrap_options);
  PermutationOptions permutations;
  permutations.seed = bootstrap_options.seed;
  permutations.draws = bootstrap_options.resamples;
  const auto test = swap_answers(n, score, permutations);
  return {"", of_half(once, false), of_half(once, true), test.difference, interval.low, interval.high, test.p_value, test.test, permutations.draws, n};
}

template <typename Clip>
std::vector<Clip> joined(std::vector<Clip> a, const std::vector<Clip>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Comparison compare_classes(const ResultFile& a, const ResultFile& b, const std::string& metric, const ScoreOptions& options, const Names& names) {
  PAL_CHECK(a.classes[0].scores.size() == b.classes[0].scores.size(), "compare: {} has {} classes, {} has {}", names.a, a.classes[0].scores.size(),
            names.b, b.classes[0].scores.size());
  const auto both = joined(a.classes, matched(a.classes, b.classes, places(a.classes, b.classes, names), names));
  auto bootstrap = options.bootstrap;
  bootstrap.resamples = affordable_draws(bootstrap.resamples, both);
  return compare_sets(set_metric(both, metric, options).score, int64_t(a.classes.size()), bootstrap);
}

Comparison compare_answers(const ResultFile& a, const ResultFile& b, const std::string& metric, const ScoreOptions& options, const Names& names) {
  const auto order = places(a.predictions, b.predictions, names);
  const auto others = matched(a.predictions, b.predictions, order, names);
  if (metric_kind(metric) == MetricKind::kWholeSet)
    return compare_sets(set_metric(joined(a.predictions, others), metric, options).score, int64_t(order.size()), options.bootstrap);
  const auto scores = [&](const ResultFile& file, const std::vector<Prediction>& clips) {
    return file.metric == metric && !file.clip_scores.empty() ? file.clip_scores : clip_scores(clips, metric, options);
  };
  return compare_means(scores(a, a.predictions), reordered(scores(b, b.predictions), order), options.bootstrap);
}

}  // namespace

std::string common_metric(const ResultFile& a, const ResultFile& b, const std::string& a_name, const std::string& b_name) {
  PAL_CHECK(!a.metric.empty() || !b.metric.empty(), "compare: neither {} nor {} names a metric; give one (--metric)", a_name, b_name);
  PAL_CHECK(a.metric.empty() || b.metric.empty() || a.metric == b.metric, "compare: {} was scored by {}, {} by {}; give one (--metric)", a_name,
            a.metric, b_name, b.metric);
  return a.metric.empty() ? b.metric : a.metric;
}

Comparison compare(const ResultFile& a, const ResultFile& b, const std::string& metric, const ScoreOptions& options, const std::string& a_name,
                   const std::string& b_name) {
  const Names names{a_name, b_name};
  metric_kind(metric);
  PAL_CHECK(a.classes.empty() == b.classes.empty(), "compare: one of {} and {} holds scores by class, the other answers", a_name, b_name);
  auto result = a.classes.empty() ? compare_answers(a, b, metric, options, names) : compare_classes(a, b, metric, options, names);
  result.metric = metric;
  return result;
}

std::string to_json(const Comparison& c) {
  return nlohmann::ordered_json{{"metric", c.metric}, {"a", c.a}, {"b", c.b}, {"difference", c.difference}, {"low", c.low}, {"high", c.high},
                                {"p_value", c.p_value}, {"test", c.test}, {"draws", c.draws}, {"n", c.n}}.dump();
}

}  // namespace pal
