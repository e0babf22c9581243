#include "pal/integration/training_graphs.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "graph_pool.h"
#include "pal/core/check.h"
#include "pal/nn/cross_entropy.h"
#include "shape_bucket.h"

namespace pal {

// What a forward and its backward gave.
struct TrainingGraphs::Pass {
  torch::Tensor loss;
  std::vector<torch::Tensor> stream_gradients;  // as large as the padded streams; not defined where there is none
};

// Batches of one shape: what was recorded for them, with the tensors that it reads and writes.
struct TrainingGraphs::Bucket {
  int64_t last_used = 0;
  bool is_warm = false;                 // one batch has run step by step: libraries have settled
  std::unique_ptr<RecordedWork> graph;  // null: not recorded yet, or gone
  StepInputs inputs;
  std::vector<torch::Tensor> streams;
  Pass pass;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> gradients;  // parameters and what the graph writes of each
};

namespace {

void check_no_gradients(const PalModel& model) {
  for (const auto& item : model.named_parameters())
    PAL_ASSERT(!item.value().grad().defined(), "'{}' has a gradient already, which would be lost", item.key());
}

// Leaves, as large as the bucket: their gradients are the connectors'.
std::vector<torch::Tensor> leaves_of(const std::vector<torch::Tensor>& streams, const RowInputs& rows) {
  std::vector<torch::Tensor> leaves;
  for (std::size_t i = 0; i < streams.size(); ++i) leaves.push_back(padded_tokens(streams[i].detach(), rows.stream_tokens[i]).requires_grad_(streams[i].requires_grad()));
  return leaves;
}

// The backward of the connectors; dummies' tokens come from none.
void go_on_to_connectors(const std::vector<torch::Tensor>& streams, const std::vector<torch::Tensor>& gradients) {
  std::vector<torch::Tensor> roots, of_roots;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (!gradients[i].defined() || streams[i].size(0) == 0) continue;
    roots.push_back(streams[i]);
    of_roots.push_back(gradients[i].slice(0, 0, streams[i].size(0)));
  }
  if (!roots.empty()) torch::autograd::backward(roots, of_roots);
}

}  // namespace

BucketCounts BucketCounts::operator-(const BucketCounts& earlier) const {
  return {batches - earlier.batches, rows - earlier.rows, dummy_rows - earlier.dummy_rows, buckets - earlier.buckets, recorded - earlier.recorded, replayed - earlier.replayed};
}

void check_training_graphs(const PalModel& model, const GraphOptions& options) {
  PAL_CHECK(options.round > 0 && options.keep > 0, "training graphs: expected round and keep of at least 1, got {} and {}", options.round, options.keep);
  for (const auto& lora : model.options().lora)
    PAL_CHECK(lora.dropout == 0, "training graphs: lora '{}' has a dropout of {}, whose masks are drawn anew every step, but a graph repeats the same work; set dropout or train.graphs.round to 0", lora.layers, lora.dropout);
  PAL_CHECK(!model.is_probed(), "training graphs: the model is probed, and hears otherwise than it is trained to; train without");
  if (!model.device().is_cuda()) return;
  PAL_CHECK(model.backend().name() == "flash", "training graphs on CUDA need attention by 'flash', whose work depends on shapes alone, but this model's is '{}'; use bfloat16 and model.backend auto or flash, or set train.graphs.round to 0", model.backend().name());
  PAL_CHECK(make_graph_pool(model.device(), /*makes_room=*/true) != nullptr, "training graphs on CUDA need pal's kernels, but this build has none; build where nvcc is found (-DPAL_CUDA=ON), or set train.graphs.round to 0");
}

TrainingGraphs::TrainingGraphs(PalModel& model, const GraphOptions& options) : model_(model), options_(options) {
  check_training_graphs(model, options);
  pool_ = make_graph_pool(model.device(), /*makes_room=*/true);
}

TrainingGraphs::~TrainingGraphs() = default;

torch::Tensor TrainingGraphs::loss_and_gradients(const PalBatch& batch) {
  check_no_gradients(model_);
  const auto streams = model_.connect(batch);
  const auto padded = pad_to_bucket(model_, batch, options_.round);
  auto key = padded.key();
  for (const auto& stream : streams) key.push_back(stream.requires_grad());
  auto& found = buckets_[key];
  if (!found) found = std::make_unique<Bucket>();
  auto& bucket = *found;
  bucket.last_used = ++calls_;
  ++counts_.batches;
  counts_.rows += padded.rows;
  counts_.dummy_rows += padded.dummy_rows;
  counts_.buckets = int64_t(buckets_.size());

  const bool is_recorded = pool_ && std::exchange(bucket.is_warm, true);
  const auto pass = is_recorded ? run_recorded(bucket, padded.inputs, streams) : run(padded.inputs, leaves_of(streams, padded.inputs.rows));
  go_on_to_connectors(streams, pass.stream_gradients);
  return pass.loss;
}

TrainingGraphs::Pass TrainingGraphs::run(const StepInputs& inputs, const std::vector<torch::Tensor>& streams) {
  const auto loss = model_.loss_sum(inputs, streams);
  if (loss.requires_grad()) backward_from_one(loss);  // else nothing that is trained has a part in it
  Pass pass{loss.detach(), {}};
  for (const auto& stream : streams) pass.stream_gradients.push_back(stream.grad());
  return pass;
}

TrainingGraphs::Pass TrainingGraphs::run_recorded(Bucket& bucket, const StepInputs& inputs, const std::vector<torch::Tensor>& streams) {
  const torch::NoGradGuard no_grad;
  if (!bucket.graph) {
    record(bucket, inputs, streams);
  } else {
    const auto from = inputs.tensors(), to = bucket.inputs.tensors();
    for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
    for (std::size_t i = 0; i < streams.size(); ++i) bucket.streams[i].copy_(padded_tokens(streams[i], bucket.streams[i].size(0)));
  }
  bucket.graph->replay();
  ++counts_.replayed;
  // The optimizer's sum over several batches may be the first one's gradient itself, where that is as wide as the sum.
  const auto is_half = [](const torch::Tensor& x) { return x.scalar_type() == torch::kBFloat16 || x.scalar_type() == torch::kFloat16; };
  for (auto& [parameter, gradient] : bucket.gradients) parameter.mutable_grad() = is_half(gradient) ? gradient : gradient.clone();
  return bucket.pass;
}

void TrainingGraphs::record(Bucket& bucket, const StepInputs& inputs, const std::vector<torch::Tensor>& streams) {
  let_one_go();
  bucket.inputs = inputs;
  bucket.inputs.tensors();  // what plans make when first asked is made now
  bucket.streams = leaves_of(streams, inputs.rows);
  bucket.graph = pool_->record([&] {
    const torch::AutoGradMode with_gradients(true);
    const auto pass = run(bucket.inputs, bucket.streams);
    bucket.pass.loss = memory_of(pass.loss);
    for (const auto& gradient : pass.stream_gradients) bucket.pass.stream_gradients.push_back(gradient.defined() ? memory_of(gradient) : gradient);
    for (auto& parameter : model_.parameters())
      if (parameter.grad().defined()) bucket.gradients.emplace_back(parameter, memory_of(parameter.grad()));
    for (auto& stream : bucket.streams) stream.mutable_grad().reset();
    for (auto& [parameter, gradient] : bucket.gradients) parameter.mutable_grad().reset();
  });
  ++counts_.recorded;
  if (counts_.recorded == counts_.buckets + 1)
    spdlog::warn("train.graphs: {} buckets of shapes, but only {} graphs are kept, so that they are recorded again and again; set train.graphs.keep or round higher", counts_.buckets, options_.keep);
}

// Where as many graphs as may be kept are there, so that there is room for another.
void TrainingGraphs::let_one_go() {
  Bucket* oldest = nullptr;
  int64_t kept = 0;
  for (auto& [key, bucket] : buckets_) {
    if (!bucket->graph) continue;
    ++kept;
    if (oldest == nullptr || bucket->last_used < oldest->last_used) oldest = bucket.get();
  }
  if (kept < options_.keep) return;
  *oldest = Bucket();
  oldest->is_warm = true;
}

}  // namespace pal
