#include "pal/data/batch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "pal/core/check.h"

namespace pal {
namespace {

// Lengths from 5 to 44 tokens that follow no order.
int64_t length_of(const Draw& draw) { return 5 + (draw.sample * 17 + 3) % 40; }

std::vector<SamplerSource> source_of(int64_t size) { return {{.size = size, .order = {}}}; }

BatchPlan plan_of(int64_t size, const BatchRule& rule, const BatchPosition& position = {}, uint64_t seed = 7) {
  return {source_of(size), seed, rule, length_of, position};
}

int64_t tokens_of(const std::vector<Draw>& part) {
  int64_t tokens = 0;
  for (const auto& draw : part) tokens += length_of(draw);
  return tokens;
}

TEST(BatchPlan, ByCountTakesTheSamplersOrderAndSplitsAStepIntoParts) {
  BatchPlan plan(source_of(10), 3, {.batch_size = 5, .accumulate = 2});
  Sampler sampler(10, 3);
  int64_t number = 0;
  for (int step = 0; step < 5; ++step) {
    const auto planned = plan.next();
    ASSERT_EQ(planned.parts.size(), 2u);
    EXPECT_EQ(planned.parts[0].size(), 2u);
    EXPECT_EQ(planned.samples(), 5);
    auto order = sampler.next(5);
    auto expected = order.begin();
    for (const auto& part : planned.parts)
      for (const auto& draw : part) EXPECT_EQ(draw, (Draw{*expected++, number++}));
    EXPECT_EQ(planned.after.sampler, sampler.position());
  }
}

TEST(BatchPlan, TheSharesOfProcessesAreTheStepByCountOfEveryPartByTokensOfWholeParts) {
  for (const BatchRule& rule : {BatchRule{.batch_size = 11, .accumulate = 2}, BatchRule{.accumulate = 5, .batch_tokens = 120}}) {
    BatchPlan plan = plan_of(100, rule);
    for (int count = 0; count < 5; ++count) {
      const auto step = plan.next();
      for (const int64_t processes : {1, 2, 3}) {
        std::vector<std::vector<Draw>> joined(step.parts.size());
        for (int64_t process = 0; process < processes; ++process) {
          const auto own = share_of(step, rule, {process, processes});
          EXPECT_LE(int64_t(own.size()), parts_of(rule, {process, processes}));
          for (std::size_t i = 0; i < own.size(); ++i) {
            auto& whole = joined[rule.batch_tokens == 0 ? i : i * std::size_t(processes) + std::size_t(process)];
            whole.insert(whole.end(), own[i].begin(), own[i].end());
          }
        }
        EXPECT_EQ(joined, step.parts) << processes;
      }
    }
  }
}

TEST(BatchPlan, ByTokensNoPartIsAboveTheBudgetAndAnEpochHoldsEverySampleOnce) {
  for (const int64_t window : {1000, 30, 1}) {
    auto plan = plan_of(100, {.accumulate = 1, .batch_tokens = 120, .window = window});
    for (int epoch = 0; epoch < 3; ++epoch) {
      std::set<int64_t> seen;
      int64_t drawn = 0;
      while (drawn < 100) {
        const auto step = plan.next();
        EXPECT_LE(tokens_of(step.parts.at(0)), 120);
        drawn += step.samples();
        for (const auto& draw : step.parts[0]) {
          seen.insert(draw.sample);
          EXPECT_EQ(draw.number / 100, epoch);
        }
      }
      EXPECT_EQ(drawn, 100);
      EXPECT_EQ(seen.size(), 100u) << "window " << window;
    }
  }
}

TEST(BatchPlan, APartHoldsNeighboursByLengthAndTakesAllThatFit) {
  auto plan = plan_of(100, {.batch_tokens = 120});
  std::vector<std::pair<int64_t, int64_t>> ranges;  // shortest and longest of each part
  for (int64_t drawn = 0; drawn < 100;) {
    const auto part = plan.next().parts.at(0);
    drawn += int64_t(part.size());
    const auto [least, most] = std::ranges::minmax(part, {}, length_of);
    ranges.emplace_back(length_of(least), length_of(most));
  }
  EXPECT_FALSE(std::ranges::is_sorted(ranges));  // parts come in a random order
  std::ranges::sort(ranges);
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
  // 2450 tokens in all: 21 full parts at the least, and neighbours of up to 44 tokens leave less than 44 free in each.
  EXPECT_GE(ranges.size(), 21u);
  EXPECT_LE(ranges.size(), 33u);
}

TEST(BatchPlan, GoesOnFromEverySavedPositionAsIfItHadNeverStopped) {
  const BatchRule rule{.accumulate = 3, .batch_tokens = 100, .window = 32};
  std::vector<PlannedStep> steps;
  auto plan = plan_of(50, rule);
  for (int i = 0; i < 40; ++i) steps.push_back(plan.next());
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    auto resumed = plan_of(50, rule, steps[i].after);
    for (std::size_t j = i + 1; j < std::min(i + 4, steps.size()); ++j) {
      const auto step = resumed.next();
      EXPECT_EQ(step.parts, steps[j].parts) << "resumed after " << i;
      EXPECT_EQ(step.after, steps[j].after);
    }
  }
}

TEST(BatchPlan, APartIsFilledToTheLastToken) {
  auto plan = BatchPlan(source_of(60), 7, {.batch_tokens = 30}, [](const Draw&) { return int64_t{10}; });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(plan.next().parts.at(0).size(), 3u);
}

TEST(BatchPlan, SeedAndEpochDecideTheOrderOfParts) {
  // Other lengths for all, so that an epoch is cut into the same parts whatever the order in which it was drawn.
  const auto parts = [](uint64_t seed, int epochs) {
    BatchPlan plan(source_of(40), seed, {.batch_tokens = 120}, [](const Draw& draw) { return 5 + draw.sample; });
    std::vector<std::vector<int64_t>> epoch;  // the last one
    for (int i = 0; i < epochs; ++i) {
      epoch.clear();
      for (std::size_t drawn = 0; drawn < 40; drawn += epoch.back().size()) {
        epoch.emplace_back();
        const auto step = plan.next();
        for (const auto& draw : step.parts.at(0)) epoch.back().push_back(draw.sample);
      }
    }
    return epoch;
  };
  EXPECT_EQ(parts(7, 1), parts(7, 1));
  EXPECT_NE(parts(7, 1), parts(8, 1));
  EXPECT_NE(parts(7, 1), parts(7, 2));
  EXPECT_THAT(parts(7, 1), testing::UnorderedElementsAreArray(parts(8, 2)));
}

TEST(BatchPlan, ASampleAboveTheBudgetIsAlone) {
  auto plan = plan_of(40, {.batch_tokens = 20});
  for (int i = 0; i < 40; ++i) {
    const auto part = plan.next().parts.at(0);
    if (tokens_of(part) > 20) EXPECT_EQ(part.size(), 1u);
  }
}

TEST(BatchPlan, MixesSourcesByWeightByTokensToo) {
  std::vector<SamplerSource> sources = {{.size = 50, .weight = 3, .order = {}}, {.size = 50, .weight = 1, .order = {}}};
  BatchPlan plan(sources, 7, {.batch_tokens = 200}, length_of);
  int64_t first = 0, all = 0;
  while (all < 4000) {
    const auto step = plan.next();
    for (const auto& draw : step.parts[0]) {
      ++all;
      first += draw.sample < 50;
    }
  }
  EXPECT_NEAR(double(first) / double(all), 0.75, 0.03);
}

TEST(BatchPlan, APositionThatIsNotOfSuchAPlanIsRefused) {
  EXPECT_THROW(plan_of(50, {.batch_tokens = 0}, {{}, 3}), UserError);
  EXPECT_THROW(plan_of(50, {.batch_tokens = 100}, {{}, 3000}), UserError);
}

TEST(PlanSummary, CountsWhatThePlanThenDoes) {
  const BatchRule rule{.accumulate = 2, .batch_tokens = 120};
  const auto summary = summarize(plan_of(100, rule), length_of, 0, 250);
  auto plan = plan_of(100, rule);
  int64_t steps = 0, samples = 0;
  std::map<int64_t, std::array<int64_t, 3>> expected;  // longest -> samples, parts, tokens
  for (; samples < 250; ++steps) {
    const auto step = plan.next();
    samples += step.samples();
    for (const auto& part : step.parts) {
      int64_t bound = 1;
      while (bound < length_of(*std::ranges::max_element(part, {}, length_of))) bound *= 2;
      auto& [in_bucket, parts, tokens] = expected[bound];
      in_bucket += int64_t(part.size());
      parts += 1;
      tokens += tokens_of(part);
    }
  }
  EXPECT_EQ(summary.steps, steps);
  EXPECT_EQ(summary.samples, samples);
  std::map<int64_t, std::array<int64_t, 3>> counted;
  for (const auto& bucket : summary.buckets) counted[bucket.longest] = {bucket.samples, bucket.parts, bucket.tokens};
  EXPECT_EQ(counted, expected);
  EXPECT_EQ(counted.size(), 3u);
  EXPECT_EQ(summary.buckets.front().longest, 16);  // 9..16: the shortest samples have 5 tokens, but a part of them reaches further
  EXPECT_EQ(summarize(plan_of(100, rule), length_of, 4, 1).steps, 4);
  EXPECT_THAT(format_plan(summary, rule), testing::HasSubstr(fmt::format("{} steps of 2 part(s) of at most 120 tokens, {} samples", steps, samples)));
}

}  // namespace
}  // namespace pal
