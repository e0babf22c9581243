// Training steps as CUDA graphs: forward and backward of the decoder are recorded once for each shape of a batch and then started as a whole, so that
// the host no longer launches thousands of small kernels a step.
//
// Batches are first filled up to shapes that come again (buckets): by one dummy sample at the end, which changes neither loss nor gradients. Its share of
// the rows is what a bucket costs, and is counted. Connectors run outside of the graph, on the real clips alone.
//
// On the CPU nothing is recorded: the same filled-up batches run step by step, so that results, counts and tests are the same everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "pal/integration/pal_model.h"

namespace pal {

class GraphPool;

// How batches become alike.
struct GraphOptions {
  int64_t round = 0;  // tokens: text, each stream, targets and keys are filled up to multiples of it; 0: no buckets, no graphs
  int64_t keep = 8;   // graphs kept; with more, the one that was not used for longest goes
};

// What buckets came to.
struct BucketCounts {
  int64_t batches = 0;               // that ran
  int64_t rows = 0, dummy_rows = 0;  // of all batches; those of the dummy are among the rows
  int64_t buckets = 0;               // shapes that came
  int64_t recorded = 0;              // graphs, with those that were recorded again after they had gone
  int64_t replayed = 0;              // batches that a graph was started for

  BucketCounts operator-(const BucketCounts& earlier) const;  // what came since
  double padding_share() const { return rows == 0 ? 0.0 : double(dummy_rows) / double(rows); }  // of the dummies, among all rows
};

// Throws UserError where what the model does in a step cannot be recorded: dropout of LoRA, on CUDA another attention backend than flash, a build
// without kernels, a model that is probed. options.round must be above 0, and options.keep.
void check_training_graphs(const PalModel& model, const GraphOptions& options);

// The graphs of one stage: which parameters are trained must not change while it lives, nor may their storage. The model must outlive it.
class TrainingGraphs {
 public:
  TrainingGraphs(PalModel& model, const GraphOptions& options);  // throws as check_training_graphs()
  ~TrainingGraphs();
  TrainingGraphs(const TrainingGraphs&) = delete;
  TrainingGraphs& operator=(const TrainingGraphs&) = delete;

  // The sum of the cross-entropies of the batch's targets, a scalar, and in every trained parameter its gradient; there must be none before
  // (throws std::logic_error). On CUDA both lie in memory that the next call writes over: use or copy them before.
  torch::Tensor loss_and_gradients(const PalBatch& batch);

  const BucketCounts& counts() const { return counts_; }  // of all calls

 private:
  struct Bucket;
  struct Pass;
  Pass run(const StepInputs& inputs, const std::vector<torch::Tensor>& streams);
  Pass run_recorded(Bucket& bucket, const StepInputs& inputs, const std::vector<torch::Tensor>& streams);
  void record(Bucket& bucket, const StepInputs& inputs, const std::vector<torch::Tensor>& streams);
  void let_one_go();

  PalModel& model_;
  GraphOptions options_;
  std::unique_ptr<GraphPool> pool_;  // null: nothing is recorded
  std::map<std::vector<int64_t>, std::unique_ptr<Bucket>> buckets_;  // by PaddedBatch::key() and which streams learn
  BucketCounts counts_;
  int64_t calls_ = 0;
};

}  // namespace pal
