#include "pal/bench/generation_bench.h"

#include "pal/bench/memory_meter.h"
#include "pal/core/check.h"
#include "pal/eval/generate.h"
#include "random_batch.h"
#include "timed.h"

namespace pal {

namespace {

// Slots of keys and values that the first answer token of all samples reads, over all layers.
int64_t prompt_slots(PalModel& model, const PalBatch& batch) {
  const auto layout = model.layout(batch);
  int64_t slots = 0;
  for (std::size_t layer = 0; layer < model.llm()->layers.size(); ++layer)
    for (const auto& ranges : layout.sample_keys(layout.streams_read(int64_t(layer))))
      for (const auto& range : ranges) slots += range.size();
  return slots;
}

// What every token goes through: of an embedding that is no head, a row is read.
int64_t read_weights(Decoder& llm) {
  int64_t bytes = 0;
  for (const auto& parameter : llm->parameters()) bytes += int64_t(parameter.nbytes());
  return llm->options.tied_head ? bytes : bytes - int64_t(llm->embed_tokens->weight.nbytes());
}

}  // namespace

GenerationCost generation_cost(const ModelOptions& options, const BenchBatch& shape, int64_t new_tokens, int64_t runs, torch::Device device) {
  PAL_CHECK(new_tokens > 0 && runs > 0, "a benchmark of generation needs a token and a run at least; got {} tokens, {} runs", new_tokens, runs);
  PalModel model(options, /*seed=*/0, device);
  const auto batch = random_batch(model, shape);
  const auto answer = [&] { (void)generate(model, batch, /*stop_tokens=*/{}, {.max_new_tokens = new_tokens}); };
  GenerationCost cost;
  for (const auto& parameter : model.parameters()) cost.weight_bytes += int64_t(parameter.nbytes());
  {
    const MemoryMeter meter(device);
    answer();
    cost.beyond_bytes = meter.peak();
  }
  const auto& llm = model.llm();
  const int64_t slot_bytes = 2 * llm->options.kv_width() * int64_t(c10::elementSize(llm->dtype()));
  const int64_t first = prompt_slots(model, batch) * slot_bytes, each = shape.samples * llm->options.layers * slot_bytes;
  cost.cache_bytes = first + (new_tokens - 1) * each;
  cost.token_traffic = double(read_weights(model.llm())) + double(first) + double(new_tokens - 1) / 2 * double(each);
  for (int64_t i = 0; i < runs; ++i) {
    cost.seconds.push_back(timed(device, answer));
    cost.prompt_seconds.push_back(timed(device, [&] { (void)run_prompt(model, batch); }));
  }
  return cost;
}

}  // namespace pal
