// What a step is predicted to take is what it takes: pal-inspect model's numbers against those of pal-bench.
#include "pal/train/step_memory.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "pal/bench/training_bench.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

constexpr BenchBatch kBatch{.samples = 3, .text_tokens = 28, .audio_tokens = 72};
constexpr BenchBatch kSmallBatch{.samples = 2, .text_tokens = 16, .audio_tokens = 36};  // some CPUs are slow in bfloat16
constexpr double kTolerance = 0.10;

// Large enough that what does not grow with it, buffers of threads, say, is small beside it.
DecoderOptions decoder() {
  DecoderOptions o;
  o.vocab_size = 2000;
  o.width = 192;
  o.ffn_width = 512;
  o.layers = 5;
  o.heads = 6;
  o.kv_heads = 2;
  o.head_dim = 32;
  o.max_positions = 1024;
  o.rope.head_dim = 32;
  return o;
}

ModelOptions options(const std::string& integration, const std::string& recompute = "none", const std::string& dtype = "float32") {
  ModelOptions o;
  o.llm.random = decoder();
  o.encoders["sound"] = {"yamnet", kYamnet};
  o.streams = integration_streams({tiny_stream("detail", Integration::kLal, 1), tiny_summary()}, integration);
  o.checkpoint_activations = recompute;
  o.dtype = dtype;
  return o;
}

StageOptions stage(const std::vector<std::string>& trainable) {
  StageOptions s;
  s.name = "tune";
  s.trainable = trainable;
  return s;
}

const std::vector<std::string> kAll{"connectors.*", "llm.*"}, kConnectors{"connectors.*"}, kFrozenFeedForward{"connectors.*", "llm.*", "!llm.layers.*.mlp.*"};

StepMemory predict(const ModelOptions& o, const StageOptions& s, const BenchBatch& batch = kBatch) {
  const PalModel model(o, 0, torch::kMeta);
  const BatchShape shape{.samples = batch.samples, .text_tokens = batch.text_tokens, .streams = model.stream_tokens({batch.audio_tokens}), .targets = batch.targets};
  return step_memory(o, *o.llm.random, named_parameters(model), s, shape, torch::kCPU);
}

void expect_measured(const ModelOptions& o, const StageOptions& s, const BenchBatch& batch = kBatch) {
  const auto measured = training_cost(o, s, batch, 1, torch::kCPU);
  const auto predicted = predict(o, s, batch);
  const auto expect = [](const char* what, int64_t predicted, int64_t measured) {
    const double error = double(predicted) / double(measured) - 1;
    if (std::getenv("PAL_SHOW_MEMORY") != nullptr) fmt::print("  {:<8} predicted {:>12} measured {:>12} {:+.1f} %\n", what, predicted, measured, 100 * error);
    EXPECT_LE(std::abs(error), kTolerance) << what << ": predicted " << predicted << ", measured " << measured;
  };
  expect("peak", predicted.peak_bytes, measured.peak_bytes);
  expect("beyond", predicted.beyond_bytes, measured.beyond_bytes);  // weights hide nothing here
  expect("forward", predicted.forward_bytes, measured.activation_bytes);
}

class Steps : public testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {};

TEST_P(Steps, TakeWhatIsPredicted) {
  NEEDS_YAMNET();
  const auto& [integration, recompute, dtype] = GetParam();
  for (const auto& trainable : {kAll, kFrozenFeedForward, kConnectors}) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(trainable, " ")));
    if (std::getenv("PAL_SHOW_MEMORY") != nullptr) fmt::print("{} {} {} {}\n", integration, recompute, dtype, fmt::join(trainable, " "));
    expect_measured(options(integration, recompute, dtype), stage(trainable), dtype == "float32" ? kBatch : kSmallBatch);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Steps, testing::Combine(testing::Values("plits", "lal", "pal"), testing::Values("none", "ffn", "all"), testing::Values("float32", "bfloat16")),
                         [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param) + "_" + std::get<2>(info.param); });

TEST(StepMemory, CountsLogitsInChunksAndAHeadOfItsOwn) {
  NEEDS_YAMNET();
  auto o = options("lal");
  o.llm.random->vocab_size = 6000;  // logits weigh most
  o.llm.random->layers = 2;
  o.llm.random->tied_head = false;
  const BenchBatch few{.samples = 2, .text_tokens = 20, .audio_tokens = 12}, many{.samples = 7, .text_tokens = 40, .audio_tokens = 12};
  for (const char* dtype : {"float32", "bfloat16"}) {
    o.dtype = dtype;
    expect_measured(o, stage(kAll), few);
    expect_measured(o, stage(kAll), many);  // 273 targets: two chunks
    expect_measured(o, stage(kConnectors), many);
  }
}

TEST(StepMemory, CountsOtherDecodersAndConnectors) {
  NEEDS_YAMNET();
  auto o = options("pal");
  o.streams[1].connector = {.type = "qformer", .queries = 12};
  o.llm.random->qk_norm = true;
  expect_measured(o, stage(kAll));
  o = options("lal", "none", "float64");
  o.llm.random->kv_heads = o.llm.random->heads;
  expect_measured(o, stage(kAll));
  o = options("plits");
  o.lora = {{.layers = "llm.layers.*.self_attn.*_proj", .rank = 8}};
  expect_measured(o, stage({"connectors.*", "llm.*.lora_A", "llm.*.lora_B"}));
  o = options("lal");
  o.lora = {{.layers = "llm.layers.*.self_attn.*_proj", .rank = 8}};  // the audio is scaled for each layer
  expect_measured(o, stage({"connectors.*", "llm.*.lora_A", "llm.*.lora_B"}));
  expect_measured(o, stage(kConnectors));
}

TEST(StepMemory, CountsRowsThatPredictNothingAndAudioThatLayersShare) {
  NEEDS_YAMNET();
  auto few = kBatch, heard = kBatch;
  few.targets = 3;
  heard.audio_tokens = 480;
  for (const char* recompute : {"none", "ffn", "all"}) {
    SCOPED_TRACE(recompute);
    expect_measured(options("plits", recompute), stage(kAll), few);
    expect_measured(options("pal", recompute), stage(kFrozenFeedForward), few);
    expect_measured(options("lal", recompute), stage(kAll), heard);
    expect_measured(options("lal", recompute), stage(kConnectors), heard);
  }
  expect_measured(options("lal"), stage({"llm.layers.*.input_layernorm.*"}), heard);
  expect_measured(options("lal", "all", "bfloat16"), stage(kAll), {.samples = 1, .text_tokens = 64, .audio_tokens = 240});
}

// On CUDA attention keeps no copies, and the head no probabilities.
TEST(StepMemory, OfAGpuIsOfItsKernels) {
  NEEDS_YAMNET();
  const auto o = options("lal", "none", "bfloat16");
  const PalModel model(o, 0, torch::kMeta);
  const BatchShape shape{.samples = 4, .text_tokens = 20, .streams = {72}};
  const auto of = [&](torch::DeviceType device) { return step_memory(o, *o.llm.random, named_parameters(model), stage(kAll), shape, device); };
  EXPECT_LT(of(torch::kCUDA).kept_bytes, 0.8 * double(of(torch::kCPU).kept_bytes));
}

TEST(StepMemory, SaysWhereThePeakIs) {
  NEEDS_YAMNET();
  EXPECT_EQ(predict(options("plits"), stage(kAll)).phase, "backward");
  EXPECT_EQ(predict(options("lal", "all", "bfloat16"), stage(kAll), {.samples = 1, .text_tokens = 8, .audio_tokens = 12}).phase, "optimizer");  // gradients in float32
  auto o = options("lal", "all");
  o.llm.random->vocab_size = 8000;
  EXPECT_EQ(predict(o, stage(kConnectors)).phase, "forward");  // logits
}

TEST(StepMemory, PartsOfAStepAddSumsAndShardingTakesThemAway) {
  NEEDS_YAMNET();
  const auto o = options("lal");
  const PalModel model(o, 0, torch::kMeta);
  const auto parameters = named_parameters(model);
  const BatchShape shape{.samples = 4, .text_tokens = 20, .streams = {72}};
  auto parts = stage(kAll);
  parts.accumulate = 4;
  const auto one = step_memory(o, *o.llm.random, parameters, stage(kAll), shape, torch::kCPU), four = step_memory(o, *o.llm.random, parameters, parts, shape, torch::kCPU);
  EXPECT_EQ(four.beyond_bytes - one.beyond_bytes, stage_memory(parameters, parts).gradient_bytes);
  const auto sharded = step_memory(o, *o.llm.random, parameters, parts, shape, torch::kCPU, {4, "optimizer"});
  EXPECT_EQ(four.peak_bytes - four.beyond_bytes - (sharded.peak_bytes - sharded.beyond_bytes), stage_memory(parameters, parts).optimizer_bytes - stage_memory(parameters, parts, {4, "optimizer"}).optimizer_bytes);
}

TEST(StepMemory, ActivationsAreThoseOfADecoderThatLearnsWhole) {
  NEEDS_YAMNET();
  for (const char* integration : {"plits", "lal"}) {
    const auto o = options(integration);
    const BatchShape shape{.samples = kBatch.samples, .text_tokens = kBatch.text_tokens, .streams = {kBatch.audio_tokens}};
    auto frozen_connectors = stage({"llm.*"});
    const auto with = predict(o, stage(kAll)).kept_bytes, without = predict(o, frozen_connectors).kept_bytes;
    const auto activations = activation_bytes(o, *o.llm.random, shape, torch::kCPU);
    EXPECT_LT(activations, with) << integration;
    EXPECT_GT(activations, without * 95 / 100) << integration;
    EXPECT_LT(activations, without * 105 / 100) << integration;
  }
}

}  // namespace
}  // namespace pal
