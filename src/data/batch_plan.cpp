#include "pal/data/batch_plan.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <utility>

#include "pal/core/check.h"
#include "pal/core/shuffle.h"

namespace pal {

namespace {

int64_t size_of(const std::vector<SamplerSource>& sources) {
  return std::accumulate(sources.begin(), sources.end(), int64_t{0}, [](int64_t sum, const auto& source) { return sum + source.size; });
}

// Neighbours by length that fit into `most` tokens. What is alike keeps the order in which it was drawn.
std::vector<std::vector<Draw>> cut_by_length(const std::vector<Draw>& draws, const BatchPlan::Length& length, int64_t most) {
  std::vector<std::pair<int64_t, Draw>> sorted;
  for (const auto& draw : draws) sorted.emplace_back(length(draw), draw);
  std::ranges::stable_sort(sorted, {}, [](const auto& item) { return item.first; });
  std::vector<std::vector<Draw>> parts;
  int64_t tokens = 0;
  for (const auto& [long_, draw] : sorted) {
    if (parts.empty() || tokens + long_ > most) {
      parts.emplace_back();
      tokens = 0;
    }
    parts.back().push_back(draw);
    tokens += long_;
  }
  return parts;
}

}  // namespace

int64_t PlannedStep::samples() const {
  return std::accumulate(parts.begin(), parts.end(), int64_t{0}, [](int64_t sum, const auto& part) { return sum + int64_t(part.size()); });
}

int64_t parts_of(const BatchRule& rule, const Share& share) {
  return rule.batch_tokens == 0 ? rule.accumulate : (rule.accumulate + share.processes - 1) / share.processes;
}

std::vector<std::vector<Draw>> share_of(const PlannedStep& step, const BatchRule& rule, const Share& share) {
  std::vector<std::vector<Draw>> own;
  for (std::size_t i = 0; i < step.parts.size(); ++i) {
    const auto& part = step.parts[i];
    const auto bound = [&](int64_t process) { return part.begin() + int64_t(part.size()) * process / share.processes; };
    if (rule.batch_tokens == 0)
      own.emplace_back(bound(share.process), bound(share.process + 1));
    else if (int64_t(i) % share.processes == share.process)
      own.push_back(part);
  }
  return own;
}

BatchPlan::BatchPlan(std::vector<SamplerSource> sources, uint64_t seed, const BatchRule& rule, Length length, const BatchPosition& position)
    : rule_(rule), seed_(seed), size_(size_of(sources)), length_(std::move(length)), sampler_(std::move(sources), seed, position.sampler) {
  PAL_ASSERT(rule.batch_tokens == 0 || (length_ && rule.window >= 1), "a plan by tokens needs the samples' lengths");
  window_begin_ = sampler_.position();
  if (position.parts == 0) return;
  PAL_CHECK(rule.batch_tokens > 0, "the saved position is {} parts into a window of samples, but batches are by the number of samples", position.parts);
  begin_window();
  PAL_CHECK(position.parts <= int64_t(window_.size()), "the saved position is {} parts into a window of samples that has {}; was the data set changed?", position.parts,
            window_.size());
  next_ = std::size_t(position.parts);
}

std::vector<Draw> BatchPlan::draw(int64_t count) {
  const int64_t first = sampler_.position().drawn;
  std::vector<Draw> draws;
  for (int64_t sample : sampler_.next(count)) draws.push_back({sample, first + int64_t(draws.size())});
  return draws;
}

void BatchPlan::begin_window() {
  window_begin_ = sampler_.position();
  const int64_t first = window_begin_.drawn;
  window_ = cut_by_length(draw(std::min(rule_.window, size_ - first % size_)), length_, rule_.batch_tokens);
  RandomStream random(stream_seed(seed_, "window", uint64_t(first)));
  shuffle(window_, random);
  next_ = 0;
}

BatchPosition BatchPlan::position() const {
  if (rule_.batch_tokens == 0) return {sampler_.position(), 0};
  return {window_begin_, int64_t(next_)};
}

PlannedStep BatchPlan::next() {
  PlannedStep step;
  if (rule_.batch_tokens > 0) {
    for (int64_t part = 0; part < rule_.accumulate; ++part) {
      if (next_ == window_.size()) begin_window();
      step.parts.push_back(window_[next_++]);
    }
  } else {
    const auto draws = draw(rule_.batch_size);
    const auto bound = [&](int64_t part) { return draws.begin() + part * rule_.batch_size / rule_.accumulate; };
    for (int64_t part = 0; part < rule_.accumulate; ++part) step.parts.emplace_back(bound(part), bound(part + 1));
  }
  step.after = position();
  return step;
}

PlanSummary summarize(BatchPlan plan, const BatchPlan::Length& length, int64_t steps, int64_t samples) {
  PlanSummary summary;
  std::map<int64_t, LengthBucket> buckets;
  while (steps > 0 ? summary.steps < steps : summary.samples < samples) {
    const auto step = plan.next();
    summary.steps += 1;
    summary.samples += step.samples();
    for (const auto& part : step.parts) {
      int64_t longest = 0, tokens = 0;
      for (const auto& draw : part) {
        longest = std::max(longest, length(draw));
        tokens += length(draw);
      }
      const auto bound = int64_t(std::bit_ceil(uint64_t(longest)));
      auto& bucket = buckets[bound];
      bucket.longest = bound;
      bucket.samples += int64_t(part.size());
      bucket.parts += 1;
      bucket.tokens += tokens;
    }
  }
  for (const auto& [bound, bucket] : buckets) summary.buckets.push_back(bucket);
  return summary;
}

std::string format_plan(const PlanSummary& summary, const BatchRule& rule) {
  std::string text = fmt::format("{:>16} {:>10} {:>10} {:>16} {:>8}\n", "longest, tokens", "samples", "parts", "samples a part", "filled");
  for (const auto& bucket : summary.buckets)
    text += fmt::format("{:>16} {:>10} {:>10} {:>16.1f} {:>6.0f} %\n", fmt::format("{}..{}", bucket.longest / 2 + 1, bucket.longest), bucket.samples, bucket.parts,
                        double(bucket.samples) / double(bucket.parts), 100.0 * double(bucket.tokens) / (double(bucket.parts) * double(rule.batch_tokens)));
  return text + fmt::format("{} steps of {} part(s) of at most {} tokens, {} samples", summary.steps, rule.accumulate, rule.batch_tokens, summary.samples);
}

}  // namespace pal
