// How a stage's steps are computed: forward and backward, what processes exchange, and the update.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pal/distributed/gradient_reducer.h"
#include "pal/integration/training_graphs.h"
#include "pal/train/session.h"

namespace pal {

// Whether each process has its own slices of the optimizer's state; else all have all of it.
bool is_sharded(const TrainOptions& options, const ProcessGroup& group);

// What a step came to in all processes together.
struct StepSums {
  double loss = 0;        // over all targets
  GradientNorms norms;
  double flops = 0;       // 0 where train.peak_tflops is not set
  bool stopping = false;  // one of them was told to stop
  std::optional<double> padding_share;  // of the dummies' rows among all, where batches are filled up to buckets
};

class StepRunner {
 public:
  // For one stage, whose parameters need gradients already. All arguments must outlive it.
  StepRunner(Session& session, const StageOptions& stage, ProcessGroup& group);

  void load(const TensorMap& state, const std::string& source) { optimizer_.load(state, source); }  // of the optimizer, which throws
  TensorMap state() const { return optimizer_.state(); }                                            // the same

  // One step. step: how many were before, in all stages; batches: this process's; targets: of all processes. Changes nothing where there are none, or
  // loss or gradients are not finite. meanwhile: called when all is launched; not before it has returned the device is waited for. It exchanges nothing.
  StepSums run(int64_t step, const std::vector<PalBatch>& batches, int64_t targets, double rate, const std::function<void()>& meanwhile);

  const BucketCounts* buckets() const { return graphs_ ? &graphs_->counts() : nullptr; }  // of the stage so far; null: batches run as they are

 private:
  at::Tensor loss_and_gradients(const PalBatch& batch);
  bool shards_gradients() const;
  at::Tensor run_batches(int64_t step, const std::vector<PalBatch>& batches);
  at::Tensor sum_over_processes(const at::Tensor& own_loss, const std::vector<PalBatch>& batches);
  void launch_update(int64_t targets, double rate, const at::Tensor& loss);

  Session& session_;
  const StageOptions& stage_;
  ProcessGroup& group_;
  bool is_sharded_;
  AdamW optimizer_;
  std::optional<TrainingGraphs> graphs_;    // none: batches run as they are
  std::optional<GradientReducer> reducer_;  // of several processes; refers to the optimizer
};

}  // namespace pal
