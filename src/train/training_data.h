// What a run trains on: its samples, and the steps that each stage makes of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pal/integration/collate.h"
#include "pal/train/run_config.h"
#include "progress.h"
#include "step_loader.h"

namespace pal {

// How long a stage is.
struct StagePlan {
  int64_t steps = 0;
  std::string text;  // for people; by tokens, a line for each range of lengths
};

class TrainingData {
 public:
  // Reads the manifests and looks for their recordings. The first two arguments must outlive it, in their places. share: of every step, this process's.
  TrainingData(const RunConfig& config, const Collator& collator, const Share& share);

  const std::vector<Sample>& samples() const { return samples_; }
  const DataFingerprint& fingerprint() const { return fingerprint_; }

  // Throws UserError where batches by tokens are too small for a sample, a step cannot be divided among the processes, or there is nothing to mix. Measures all samples where a stage counts
  // their tokens.
  StagePlan plan(std::size_t stage);
  // The stage's `steps` next steps.
  StepLoader loader(std::size_t stage, const BatchPosition& from, int64_t steps) const;

 private:
  void measure();
  void check_division(const StageOptions& stage) const;
  void check_lengths(const StageOptions& stage) const;
  std::shared_ptr<const Augmenter> augmenter(std::size_t stage) const;
  BatchPlan::Length length(std::shared_ptr<const Augmenter> augmenter) const;
  BatchPlan batches(std::size_t stage, const BatchPosition& from, BatchPlan::Length length) const;
  std::vector<SamplerSource> sources() const;

  const RunConfig& config_;
  const Collator& collator_;
  Share share_;
  std::vector<Sample> samples_;
  std::vector<int64_t> source_sizes_;
  std::vector<int32_t> lengths_;  // tokens of each sample, once measured
  DataFingerprint fingerprint_;
};

}  // namespace pal
