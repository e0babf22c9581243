#include "training_data.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/core/run_tasks.h"

namespace pal {

TrainingData::TrainingData(const RunConfig& config, const Collator& collator, const Share& share) : config_(config), collator_(collator), share_(share) {
  const auto& manifests = config.data.train;
  auto set = read_training_set(manifests, config.data.prompt);
  samples_ = std::move(set.samples);
  source_sizes_ = std::move(set.source_sizes);
  PAL_CHECK(!samples_.empty(), "{}: holds no samples", manifests.name());
  check_recordings(samples_, manifests.name());
  fingerprint_ = {set.sha256, int64_t(samples_.size())};
}

void TrainingData::measure() {
  const auto begin = std::chrono::steady_clock::now();
  lengths_.resize(samples_.size());
  run_tasks(int64_t(samples_.size()), int(config_.data.threads), [this](int64_t i) {
    lengths_[std::size_t(i)] = int32_t(collator_.length({.sample = &samples_[std::size_t(i)], .options = &config_.data.augment}));
  });
  spdlog::info("{} samples measured in {:.1f} s", samples_.size(), std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

// The config says what a step is, whatever the number of processes; one that had nothing to do in every step would be there for nothing.
void TrainingData::check_division(const StageOptions& stage) const {
  const auto samples = stage.batch_size / stage.accumulate;
  if (stage.batch_tokens == 0)
    PAL_CHECK(samples >= share_.processes, "stage '{}': {} processes, but a part of a step has {} samples (batch_size {} in {} parts); raise batch_size, lower accumulate, or start fewer",
              stage.name, share_.processes, samples, stage.batch_size, stage.accumulate);
  else
    PAL_CHECK(stage.accumulate >= share_.processes,
              "stage '{}': {} processes, but a step has {} parts of batch_tokens tokens (accumulate), of which each takes whole ones; raise accumulate, or start fewer",
              stage.name, share_.processes, stage.accumulate);
}

void TrainingData::check_lengths(const StageOptions& stage) const {
  const auto longest = std::size_t(std::ranges::max_element(lengths_) - lengths_.begin());
  PAL_CHECK(lengths_[longest] <= stage.batch_tokens,
            "stage '{}': batch_tokens is {}, but {} of {} samples are longer, the longest with {} tokens of text and audio (sample '{}'); raise it, or leave them out",
            stage.name, stage.batch_tokens, std::ranges::count_if(lengths_, [&](int64_t tokens) { return tokens > stage.batch_tokens; }), lengths_.size(),
            lengths_[longest], samples_[longest].id);
}

StagePlan TrainingData::plan(std::size_t index) {
  const auto& stage = config_.stages[index];
  check_division(stage);
  const auto changes = augmenter(index);  // what cannot be mixed is an error now
  const auto size = int64_t(samples_.size());
  if (stage.batch_tokens == 0) {
    const auto steps = steps_of(stage, size);
    return {steps, fmt::format("stage '{}': {} steps of {} samples", stage.name, steps, stage.batch_size)};
  }
  if (lengths_.empty()) measure();
  check_lengths(stage);
  const auto summary = summarize(batches(index, {}, length(changes)), length(changes), stage.steps, samples_of(stage, size));
  return {summary.steps, fmt::format("stage '{}': the plan of its batches\n{}", stage.name, format_plan(summary, batch_rule(stage)))};
}

StepLoader TrainingData::loader(std::size_t stage, const BatchPosition& from, int64_t steps) const {
  const auto changes = augmenter(stage);
  const auto prepare = [this, changes](const Draw& draw) { return collator_.prepare(changes->at(draw.sample, draw.number), Purpose::kTraining); };
  const auto divide = [share = share_, rule = batch_rule(config_.stages[stage])](const PlannedStep& step) { return share_of(step, rule, share); };
  return {batches(stage, from, length(changes)), divide, steps, prepare, int(config_.data.threads), config_.data.read_ahead};
}

std::shared_ptr<const Augmenter> TrainingData::augmenter(std::size_t stage) const {
  return std::make_shared<Augmenter>(samples_, config_.data.augment, stream_seed(uint64_t(config_.train.seed), "augment", stage));
}

// A mixture may turn out shorter: its question stands once, and its audio is as long as the longer clip.
BatchPlan::Length TrainingData::length(std::shared_ptr<const Augmenter> augmenter) const {
  return [this, augmenter = std::move(augmenter)](const Draw& draw) -> int64_t {
    const auto* partner = augmenter->at(draw.sample, draw.number).partner;
    return lengths_[std::size_t(draw.sample)] + (partner ? lengths_[std::size_t(partner - samples_.data())] : 0);
  };
}

BatchPlan TrainingData::batches(std::size_t stage, const BatchPosition& from, BatchPlan::Length length) const {
  return {sources(), stream_seed(uint64_t(config_.train.seed), "stage", stage), batch_rule(config_.stages[stage]), std::move(length), from};
}

// Without weights, all samples are one source.
std::vector<SamplerSource> TrainingData::sources() const {
  const auto& data = config_.data;
  const auto files = data.shuffle_window > 0 ? files_of(samples_) : std::vector<int32_t>();
  if (!data.train.weighted()) return {{.size = int64_t(samples_.size()), .order = {files, data.shuffle_window}}};
  std::vector<SamplerSource> sources;
  auto begin = files.begin();
  for (std::size_t i = 0; i < source_sizes_.size(); ++i) {
    auto& source = sources.emplace_back(SamplerSource{.size = source_sizes_[i], .weight = data.train.list[i].weight, .order = {}});
    if (files.empty()) continue;
    source.order = {{begin, begin + source.size}, data.shuffle_window};
    begin += source.size;
  }
  return sources;
}

}  // namespace pal
