#include "pal/bench/training_bench.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "pal/bench/flop_counter.h"
#include "pal/bench/memory_meter.h"
#include "pal/bench/step_floor.h"
#include "pal/core/check.h"
#include "pal/integration/step_flops.h"
#include "pal/nn/cross_entropy.h"
#include "pal/train/optimizer.h"
#include "pal/train/stage_policy.h"
#include "pal/train/step_memory.h"
#include "random_batch.h"

namespace pal {

namespace {

constexpr uint64_t kSeed = 0;

bool hears(const std::vector<StreamOptions>& streams, Integration integration, const std::string& encoder) {
  return std::any_of(streams.begin(), streams.end(),
                     [&](const StreamOptions& s) { return s.integration == integration && s.encoder == encoder; });
}

// A step as the trainer takes it, with the moments that matter marked.
class Step {
 public:
  Step(PalModel& model, const StageOptions& stage, const PalBatch& batch, const GraphOptions& graphs, torch::Device device)
      : model_(model), stage_(stage), batch_(batch), device_(device), optimizer_(named_parameters(model), adamw_options(stage)) {
    if (graphs.round > 0) graphs_.emplace(model, graphs);
    optimizer_.set_learning_rate(1e-6);  // random batches must not lead the weights to infinity
  }

  // after: called with each phase when it has ended.
  template <typename After>
  void take(const After& after) {
    const auto loss = graphs_ ? take_recorded(after) : take_launched(after);
    optimizer_.clip(1.0 / double(batch_.target_tokens()), stage_.clip_norm, loss);
    optimizer_.step();
    optimizer_.zero_grad();
    after(Phase::kOptimizer);
  }

  BucketCounts buckets() const { return graphs_ ? graphs_->counts() : BucketCounts(); }

  double seconds() {
    const auto begin = now();
    take([](Phase) {});
    return (now() - begin).count();
  }

  void time_phases(TrainingCost& cost) {
    auto begin = now();
    take([&](Phase phase) {
      const auto end = now();
      cost.phase_seconds[std::size_t(phase)].push_back((end - begin).count());
      begin = end;
    });
  }

  int64_t optimizer_bytes() const {
    int64_t bytes = 0;
    for (const auto& [name, tensor] : optimizer_.state()) bytes += int64_t(tensor.nbytes());
    return bytes;
  }

 private:
  template <typename After>
  torch::Tensor take_launched(const After& after) {
    const auto streams = model_.connect(batch_);
    after(Phase::kConnectors);
    const auto loss = model_.loss_sum(batch_, streams);
    after(Phase::kForward);
    backward_from_one(loss);
    after(Phase::kBackward);
    return loss.detach();
  }

  // All is one, and counted as backward.
  template <typename After>
  torch::Tensor take_recorded(const After& after) {
    after(Phase::kConnectors);
    after(Phase::kForward);
    const auto loss = graphs_->loss_and_gradients(batch_);
    after(Phase::kBackward);
    return loss;
  }

  // When the device has done what it was told to.
  std::chrono::time_point<std::chrono::steady_clock, std::chrono::duration<double>> now() const {
    if (device_.is_cuda()) torch::cuda::synchronize();
    return std::chrono::steady_clock::now();
  }

  PalModel& model_;
  const StageOptions& stage_;
  const PalBatch& batch_;
  torch::Device device_;
  AdamW optimizer_;
  std::optional<TrainingGraphs> graphs_;
};

}  // namespace

std::vector<StreamOptions> integration_streams(const std::vector<StreamOptions>& pal, const std::string& integration) {
  PAL_CHECK(integration == "plits" || integration == "lal" || integration == "pal",
            "integration '{}' is not known; use plits, lal or pal", integration);
  const auto is_lal = [](const StreamOptions& s) { return s.integration == Integration::kLal; };
  const auto first_lal = std::find_if(pal.begin(), pal.end(), is_lal);
  PAL_CHECK(first_lal != pal.end() && !std::all_of(pal.begin(), pal.end(), is_lal),
            "the config's streams are not those of PAL: expected at least one by lal and one by plits; with such a config all three "
            "integrations can be compared");
  if (integration == "pal") return pal;
  std::vector<StreamOptions> streams;
  for (auto stream : pal) {
    if (!is_lal(stream) && hears(pal, Integration::kLal, stream.encoder)) continue;  // a summary
    if (integration == "lal" && !is_lal(stream)) stream.layers = first_lal->layers;
    stream.integration = integration == "lal" ? Integration::kLal : Integration::kPlits;
    streams.push_back(stream);
  }
  return streams;
}

namespace {

int64_t predicted_peak(PalModel& model, StageOptions stage, const BenchBatch& shape, const PalBatch& batch) {
  stage.accumulate = 1, stage.batch_tokens = 0;  // a step here is one batch, whatever the stage's is
  std::vector<int64_t> encoded;
  for (const auto& tokens : batch.clips[0][0]) encoded.push_back(tokens.size(0));
  const BatchShape own{.samples = shape.samples, .text_tokens = shape.text_tokens, .streams = model.stream_tokens(encoded), .targets = shape.targets};
  return step_memory(model.options(), model.llm()->options, named_parameters(model), stage, own, model.device().type()).peak_bytes;
}

}  // namespace

TrainingCost training_cost(const ModelOptions& options, const StageOptions& stage, const BenchBatch& shape, int64_t steps,
                           torch::Device device, const GraphOptions& graphs) {
  PAL_CHECK(steps > 0, "a benchmark needs a step at least; got {}", steps);
  PalModel model(options, kSeed, device);
  apply_stage_policy(named_parameters(model), stage.trainable);
  auto batch = random_batch(model, shape);
  model.send(batch);  // as the trainer does while the step before runs
  TrainingCost cost;
  if (graphs.round == 0) cost.predicted_peak_bytes = predicted_peak(model, stage, shape, batch);
  for (const auto& parameter : model.parameters()) cost.weight_bytes += int64_t(parameter.nbytes());
  {
    const FlopCounter connectors;
    for (const auto& tokens : model.connect(batch))
      if (tokens.requires_grad()) tokens.sum().backward();
    cost.model_flops = double(connectors.flops()) + decoder_flops(model, batch).total();
  }
  model.zero_grad();

  Step step(model, stage, batch, graphs, device);
  cost.optimizer_bytes = step.optimizer_bytes();
  cost.optimizer_traffic = optimizer_traffic(named_parameters(model), adamw_options(stage));
  step.take([](Phase) {});
  {
    MemoryMeter meter(device);
    step.take([&](Phase phase) {
      if (phase == Phase::kForward) cost.activation_bytes = meter.peak();
    });
    cost.beyond_bytes = meter.peak();
    cost.allocated_bytes = meter.allocated();
  }
  {
    const FlopCounter counter;
    step.take([](Phase) {});
    cost.operators = counter.operators();
  }
  cost.peak_bytes = cost.weight_bytes + cost.optimizer_bytes + cost.beyond_bytes;
  for (int64_t i = 0; i < steps; ++i) cost.step_seconds.push_back(step.seconds());
  for (int64_t i = 0; i < steps; ++i) step.time_phases(cost);
  cost.buckets = step.buckets();
  return cost;
}

}  // namespace pal
