#include "pal/train/memory_plan.h"

#include <algorithm>

#include "pal/distributed/gradient_reducer.h"

namespace pal {

namespace {

int64_t optimizer_bytes_of(const at::Tensor& value, int64_t elements, bool master_weights) {
  const bool master = master_weights && value.element_size() == 2;
  return 2 * elements * (master ? 4 : value.element_size()) + (master ? 4 * elements : 0);
}

// Of a ring, where each process sends a part of n to its neighbour n - 1 times: once to sum parts (reduce-scatter), once to hand on sums (all-gather). The latter
// is of gradients, or, sharded, of the weights that were stepped.
int64_t sent_bytes_of(const std::vector<at::Tensor>& trained, const StageOptions& stage, const Sharding& sharding) {
  const auto parts = parts_of(batch_rule(stage), {0, sharding.processes});  // of each process
  int64_t gradients = 0, weights = 0;
  for (const auto& bucket : make_buckets(trained, ReducerOptions().bucket_bytes, sharding.processes)) {
    const auto element = int64_t(trained[bucket.parameters.front()].element_size());
    const bool wide = element == 2 && parts > 1 && sharding.shard != "gradients";  // sums of parts are exchanged in fp32
    gradients += bucket.padded * (wide ? 4 : element);
    weights += bucket.padded * element;
  }
  const int64_t both = sharding.shard == "none" ? 2 * gradients : (sharding.shard == "gradients" ? parts : 1) * gradients + weights;
  return both / sharding.processes * (sharding.processes - 1);
}

// Gradients and optimizer state of the process that has most of them; it has whole weights.
void shard(StageMemory& memory, const std::vector<at::Tensor>& trained, const StageOptions& stage, const Sharding& sharding) {
  const auto buckets = make_buckets(trained, ReducerOptions().bucket_bytes, sharding.processes);
  int64_t largest = 0;
  for (const auto& bucket : buckets) largest = std::max(largest, bucket.padded * int64_t(trained[bucket.parameters.front()].element_size()));
  const auto parts = parts_of(batch_rule(stage), {0, sharding.processes});
  const auto whole_gradients = memory.gradient_bytes;
  memory.gradient_bytes = memory.optimizer_bytes = 0;
  for (int64_t process = 0; process < sharding.processes; ++process) {
    int64_t gradients = 0, optimizer = 0;
    for (const auto& slice : slices_of(buckets, trained, process, sharding.processes)) {
      const auto& value = trained[slice.parameter];
      gradients += slice.size() * (parts > 1 && value.element_size() == 2 ? 4 : int64_t(value.element_size()));
      optimizer += optimizer_bytes_of(value, slice.size(), stage.master_weights);
    }
    memory.gradient_bytes = std::max(memory.gradient_bytes, gradients + 3 * largest);
    memory.optimizer_bytes = std::max(memory.optimizer_bytes, optimizer);
  }
  if (sharding.shard == "optimizer") memory.gradient_bytes = whole_gradients;
}

}  // namespace

StageMemory stage_memory(const std::vector<NamedParameter>& parameters, const StageOptions& stage, const Sharding& sharding) {
  StageMemory memory;
  memory.stage = stage.name;
  memory.groups = apply_stage_policy(parameters, stage.trainable);
  std::vector<at::Tensor> trained;
  for (const auto& parameter : parameters) {
    const auto& value = parameter.value;
    memory.weight_bytes += int64_t(value.nbytes());
    if (!value.requires_grad()) continue;
    trained.push_back(value);
    memory.gradient_bytes += int64_t(value.nbytes());
    memory.optimizer_bytes += optimizer_bytes_of(value, value.numel(), stage.master_weights);
  }
  memory.sent_bytes = sent_bytes_of(trained, stage, sharding);
  if (sharding.processes > 1 && sharding.shard != "none") shard(memory, trained, stage, sharding);
  return memory;
}

}  // namespace pal
