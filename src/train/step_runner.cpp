#include "step_runner.h"

#include "pal/core/random.h"
#include "pal/integration/step_flops.h"
#include "pal/nn/cross_entropy.h"
#include "pal/nn/to_device.h"
#include "stop_signal.h"

namespace pal {

namespace {

// What of the trained parameters this process steps; none: all.
std::optional<std::vector<ParameterSlice>> own_slices(const std::vector<NamedParameter>& parameters, const ProcessGroup& group, bool is_sharded) {
  if (!is_sharded) return std::nullopt;
  std::vector<at::Tensor> trained;
  for (const auto& parameter : parameters)
    if (parameter.value.requires_grad()) trained.push_back(parameter.value);
  return slices_of(make_buckets(trained, ReducerOptions().bucket_bytes, group.size()), trained, group.rank(), group.size());
}

}  // namespace

bool is_sharded(const TrainOptions& options, const ProcessGroup& group) { return group.size() > 1 && options.shard != "none"; }

StepRunner::StepRunner(Session& session, const StageOptions& stage, ProcessGroup& group)
    : session_(session), stage_(stage), group_(group), is_sharded_(pal::is_sharded(session.config.train, group)),
      optimizer_(session.parameters(), adamw_options(stage), own_slices(session.parameters(), group, is_sharded_)) {
  if (session.config.train.graphs.round > 0) graphs_.emplace(*session.model, session.config.train.graphs);
  if (group.size() == 1) return;
  // Gradients go from the optimizer to the other processes and back.
  reducer_.emplace(
      group, optimizer_.trained(), [this](std::size_t i) { return optimizer_.take_gradient(i); },
      [this](const ParameterSlice& slice, const at::Tensor& gradient) { optimizer_.give_gradient(slice, gradient); }, ReducerOptions{.sharded = is_sharded_});
}

StepSums StepRunner::run(int64_t step, const std::vector<PalBatch>& batches, int64_t targets, double rate, const std::function<void()>& meanwhile) {
  const auto before = graphs_ ? graphs_->counts() : BucketCounts();
  const auto on_device = sum_over_processes(run_batches(step, batches), batches);
  if (targets > 0) launch_update(targets, rate, on_device[0]);
  optimizer_.zero_grad();
  meanwhile();
  // What the step came to is looked at when it is done, lest the device waits for the host.
  StepSums sums;
  if (graphs_) sums.padding_share = (graphs_->counts() - before).padding_share();
  if (targets > 0) sums.norms = optimizer_.finish();
  const auto numbers = on_device.to(at::kCPU);
  sums.loss = numbers[0].item<double>();
  sums.flops = numbers[1].item<double>();
  sums.stopping = numbers[2].item<double>() > 0;
  return sums;
}

// Whole gradients are not even kept from one part of a step to the next.
bool StepRunner::shards_gradients() const { return is_sharded_ && session_.config.train.shard == "gradients"; }

// The sum over the batch's targets; the gradients are the parameters'.
at::Tensor StepRunner::loss_and_gradients(const PalBatch& batch) {
  if (graphs_) return graphs_->loss_and_gradients(batch);
  const auto sum = session_.model->loss_sum(batch);
  backward_from_one(sum);
  return sum.detach();
}

// Sums gradients over the batches of all processes. Returns the loss's sum over this one's, a float64 scalar on the device, which nobody has waited for.
at::Tensor StepRunner::run_batches(int64_t step, const std::vector<PalBatch>& batches) {
  const Share share{group_.rank(), group_.size()};
  const auto most = std::size_t(parts_of(batch_rule(stage_), share));
  const auto mask_seed = stream_seed(uint64_t(session_.config.train.seed), "dropout", uint64_t(step));
  const auto loss = at::zeros({}, at::TensorOptions(session_.model->device()).dtype(at::kDouble));
  const bool wide = most > 1 && !shards_gradients();
  for (std::size_t part = 0; part < most; ++part) {
    const bool exchanges = reducer_ && (part + 1 == most || shards_gradients());  // as often in all processes, whatever they have
    if (exchanges) reducer_->begin(wide);
    if (part < batches.size()) {
      set_lora_masks(*session_.model, stream_seed(mask_seed, "part", part * std::size_t(share.processes) + std::size_t(share.process)));
      loss.add_(loss_and_gradients(batches[part]));
    }
    if (exchanges)
      reducer_->finish();
    else if (most > 1)
      optimizer_.accumulate();
  }
  set_lora_masks(*session_.model, std::nullopt);
  return loss;
}

// A process that was told to stop tells the others with its loss: loss, FLOPs and whether to stop as [3] float64, on the device.
at::Tensor StepRunner::sum_over_processes(const at::Tensor& own_loss, const std::vector<PalBatch>& batches) {
  double flops = 0;
  if (session_.config.train.peak_tflops > 0)
    for (const auto& batch : batches) flops += decoder_flops(*session_.model, batch).total();
  const auto others = torch::tensor({flops, StopSignal::received() ? 1.0 : 0.0}, torch::kFloat64);
  const auto numbers = at::cat({own_loss.view({1}), to_device(others, own_loss.device())});
  group_.sum(numbers);
  return numbers;
}

// Parameters are whole again in all processes when it has run, whether they have changed or not.
void StepRunner::launch_update(int64_t targets, double rate, const at::Tensor& loss) {
  optimizer_.set_learning_rate(rate);
  const auto sum = [this](const at::Tensor& squares) { group_.sum(squares); };
  optimizer_.clip(1.0 / double(targets), stage_.clip_norm, loss, is_sharded_ ? sum : std::function<void(const at::Tensor&)>());
  optimizer_.launch();
  if (is_sharded_) gather_slices(group_, optimizer_.trained());
}

}  // namespace pal
