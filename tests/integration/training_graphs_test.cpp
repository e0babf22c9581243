// A batch that is filled up to a bucket is the same step: the dummy changes neither loss nor gradients. On a machine without CUDA what is recorded is
// skipped, visibly.
#include "pal/integration/training_graphs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "../../src/integration/shape_bucket.h"
#include "pal/core/check.h"
#include "support/source_dir.h"
#include "support/tensor_compare.h"
#include "support/tiny_decoder.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr int64_t kWidth = 48;  // of the encoder

StreamOptions stream(const std::string& name, Integration integration) {
  StreamOptions stream;
  stream.name = name;
  stream.encoder = "sound";
  stream.integration = integration;
  stream.connector.type = integration == Integration::kPlits ? "mean_pool" : "mlp";
  stream.connector.factor = 3;
  stream.layers.kind = LayerSelection::Kind::kFrom;
  stream.layers.number = 1;
  return stream;
}

const StreamOptions kDetail = stream("detail", Integration::kLal), kSummary = stream("summary", Integration::kPlits), kOther = stream("other", Integration::kLal);

// PLITS, LAL, PAL in both orders, and two streams by LAL of which layers read one or both.
std::vector<std::vector<StreamOptions>> integrations() {
  auto last = kOther;
  last.layers.number = 2;
  return {{kSummary}, {kDetail}, {kDetail, kSummary}, {kSummary, kDetail}, {kDetail, last}};
}

ModelOptions options_of(const std::vector<StreamOptions>& streams, const std::string& backend = "sdpa", const std::string& dtype = "float64") {
  ModelOptions options;
  options.llm.random = tiny_options();
  options.encoders["sound"] = {.type = "eat", .path = source_dir() + "/tests/golden/eat_tiny_model.safetensors"};
  options.encoders["sound"].heads = 4;
  options.streams = streams;
  options.dtype = dtype;
  options.backend = backend;
  return options;
}

std::shared_ptr<PalModel> model_of(const ModelOptions& options, torch::Device device = torch::kCPU) {
  auto model = std::make_shared<PalModel>(options, 3, device);
  torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters())
    if (parameter.dim() > 1) parameter.mul_(8.0);  // audio that matters
  return model;
}

// One sample: tokens of text, clips of so many tokens after so many of text.
struct Shape {
  int64_t text;
  std::vector<std::pair<int64_t, int64_t>> clips;
};
const std::vector<Shape> kUneven{{6, {{3, 12}}}, {3, {}}, {5, {{0, 6}, {4, 19}}}};

// The last two tokens of every text are targets.
PalBatch batch_of(const std::vector<Shape>& samples, uint64_t seed = 4) {
  torch::manual_seed(seed);
  PalBatch batch;
  std::vector<torch::Tensor> tokens, targets;
  for (const auto& sample : samples) {
    tokens.push_back(torch::randint(0, 53, {sample.text}, torch::kInt64));
    targets.push_back(torch::arange(sample.text) >= sample.text - 2);
    auto& at = batch.audio_at.emplace_back();
    auto& clips = batch.clips.emplace_back();
    for (const auto& [place, length] : sample.clips) {
      at.push_back(place);
      clips.push_back({torch::randn({length, kWidth})});
    }
    batch.text_tokens.push_back(sample.text);
    batch.ids.push_back(std::to_string(batch.ids.size()));
  }
  batch.tokens = torch::cat(tokens);
  batch.target = torch::cat(targets);
  return batch;
}

// Loss and gradients by name; takes the gradients off the model.
std::map<std::string, torch::Tensor> results(PalModel& model, const torch::Tensor& loss) {
  std::map<std::string, torch::Tensor> found{{"loss", loss.detach().to(torch::kCPU, torch::kFloat64).clone()}};
  for (auto& item : model.named_parameters())
    if (item.value().grad().defined()) found[item.key()] = item.value().grad().to(torch::kCPU, torch::kFloat64).clone();
  for (auto& parameter : model.parameters()) parameter.mutable_grad().reset();
  return found;
}

std::map<std::string, torch::Tensor> as_it_is(PalModel& model, const PalBatch& batch) {
  const auto loss = model.loss_sum(batch);
  loss.backward();
  return results(model, loss);
}

std::map<std::string, torch::Tensor> filled_up(PalModel& model, const PalBatch& batch, int64_t round) {
  TrainingGraphs graphs(model, {.round = round});
  return results(model, graphs.loss_and_gradients(batch));
}

void expect_equal(const std::map<std::string, torch::Tensor>& found, const std::map<std::string, torch::Tensor>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_LT(relative_distance(found.at(name), tensor), tolerance) << name;
  }
}

// The same of all tensors together: one alone may be so small in bfloat16 that rounding is all there is.
double distance(const std::map<std::string, torch::Tensor>& found, const std::map<std::string, torch::Tensor>& expected) {
  if (found.size() != expected.size()) return INFINITY;
  std::vector<torch::Tensor> a, b;
  for (const auto& [name, tensor] : expected) {
    if (!found.contains(name)) return INFINITY;
    a.push_back(found.at(name).flatten());
    b.push_back(tensor.flatten());
  }
  return relative_distance(torch::cat(a), torch::cat(b));
}

// float64 over sums of a few hundred terms in another order: 1e-10 has room. Rounds below, about and far above the lengths.
TEST(TrainingGraphs, AFilledUpBatchHasTheSameLossAndGradients) {
  const auto batch = batch_of(kUneven);
  for (const char* backend : {"sdpa", "naive"})
    for (const auto& streams : integrations())
      for (int64_t round : {1, 8, 64}) {
        SCOPED_TRACE(fmt::format("{} {} {} {}", backend, streams[0].name, streams.size(), round));
        auto model = model_of(options_of(streams, backend));
        expect_equal(filled_up(*model, batch, round), as_it_is(*model, batch), 1e-10);
      }
}

TEST(TrainingGraphs, SoItIsWhereLayersAreRecomputedAndQueriesNormalised) {
  const auto batch = batch_of(kUneven);
  auto options = options_of({kDetail, kSummary});
  options.llm.random->qk_norm = true;
  for (const char* policy : {"none", "ffn", "all"}) {
    SCOPED_TRACE(policy);
    options.checkpoint_activations = policy;
    auto model = model_of(options);
    expect_equal(filled_up(*model, batch, 16), as_it_is(*model, batch), 1e-10);
  }
}

TEST(TrainingGraphs, BatchesWithoutAudioAndWithoutTargetsAreFilledUpToo) {
  auto model = model_of(options_of({kDetail, kSummary}));
  const auto text = batch_of({{7, {}}, {4, {}}});
  expect_equal(filled_up(*model, text, 16), as_it_is(*model, text), 1e-10);
  auto nothing = batch_of(kUneven);
  nothing.target.fill_(false);
  EXPECT_EQ(filled_up(*model, nothing, 16).at("loss").item<double>(), 0);
}

TEST(TrainingGraphs, ConnectorsAloneLearnTheSame) {
  auto model = model_of(options_of({kDetail, kSummary}));
  for (auto& item : model->named_parameters()) item.value().requires_grad_(item.key().starts_with("connectors."));
  const auto batch = batch_of(kUneven);
  expect_equal(filled_up(*model, batch, 16), as_it_is(*model, batch), 1e-10);
}

// What the equality above rests on: there is a dummy, it could be heard, and its targets could count.
TEST(ShapeBucket, IsFilledByADummyWithTargetsThatCountNothing) {
  auto model = model_of(options_of({kDetail, kSummary}));
  const auto batch = batch_of(kUneven);
  const auto padded = pad_to_bucket(*model, batch, 16);
  EXPECT_EQ(padded.inputs.rows.tokens.numel(), 16);                                     // of 14
  EXPECT_EQ(padded.inputs.rows.stream_tokens, (std::vector<int64_t>{48, 16}));  // of 37 and 4 + 2 + 7
  EXPECT_EQ(padded.rows, 32);
  EXPECT_EQ(padded.dummy_rows, 32 - 14 - 13);
  EXPECT_EQ(padded.inputs.targets.rows.numel(), 16);
  EXPECT_EQ(padded.inputs.targets.wanted.lt(0).sum().item<int64_t>(), 16 - 6);
  for (const auto& plan : padded.inputs.layers.plans()) {
    EXPECT_EQ(plan->segments.size() % 8, 0u);
    EXPECT_EQ(plan->key_starts[-1].item<int64_t>() % 16, 0);
    EXPECT_GE(plan->max_rows, padded.dummy_rows);
    if (const auto& order = plan->key_order()) {
      EXPECT_EQ(order->index.numel(), plan->key_starts[-1].item<int64_t>());
    }
  }

  auto inputs = padded.inputs;
  std::vector<torch::Tensor> streams;
  for (std::size_t i = 0; const auto& stream : model->connect(batch)) streams.push_back(padded_tokens(stream, inputs.rows.stream_tokens[i++]));
  const auto loss = model->loss_sum(inputs, streams);
  inputs.targets.wanted = inputs.targets.wanted.clamp_min(0);
  EXPECT_GT(relative_distance(model->loss_sum(inputs, streams), loss), 0.1);
}

TEST(ShapeBucket, IsSharedByBatchesOfNearLengthsAndNotByOthers) {
  auto model = model_of(options_of({kDetail, kSummary}));
  const auto key = [&](const std::vector<Shape>& samples) { return pad_to_bucket(*model, batch_of(samples), 64).key(); };
  const auto first = key(kUneven);
  EXPECT_EQ(key({{9, {{3, 14}}}, {4, {}}, {5, {{0, 3}, {2, 25}}}}), first);
  EXPECT_EQ(key({{20, {{3, 30}}}, {4, {}}}), first);                     // other samples, no more of them
  EXPECT_NE(key({{60, {{3, 12}}}, {3, {}}, {5, {{0, 6}, {4, 19}}}}), first);  // text
  EXPECT_NE(key({{6, {{3, 50}}}, {3, {}}, {5, {{0, 6}, {4, 19}}}}), first);   // audio
  EXPECT_NE(key({{6, {}}, {3, {}}, {5, {}}}), first);

  TrainingGraphs graphs(*model, {.round = 64});
  for (const auto& samples : std::vector<std::vector<Shape>>{kUneven, {{9, {{3, 14}}}, {4, {}}, {5, {{0, 3}, {2, 25}}}}, {{60, {{3, 12}}}, {9, {}}}}) results(*model, graphs.loss_and_gradients(batch_of(samples)));
  const auto& counts = graphs.counts();
  EXPECT_EQ(counts.batches, 3);
  EXPECT_EQ(counts.buckets, 2);
  EXPECT_EQ(counts.rows, 2 * (64 + 64) + 128 + 64);  // text and summaries
  EXPECT_EQ(counts.recorded, 0);                 // on the CPU nothing is
  EXPECT_GT(counts.padding_share(), 0);
  EXPECT_LT(counts.padding_share(), 1);
}

TEST(TrainingGraphs, WhatCannotBeRecordedIsRefused) {
  const auto refused = [](const ModelOptions& options, const std::function<void(PalModel&)>& change, const std::string& message) {
    auto model = model_of(options);
    change(*model);
    EXPECT_THAT([&] { TrainingGraphs(*model, {.round = 16}); }, ThrowsMessage<UserError>(HasSubstr(message)));
  };
  auto options = options_of({kDetail});
  refused(options, [](PalModel& model) { model.probe({.cut = AudioCut::of_group(0, 3, 2), .order = {}}); }, "the model is probed");
  refused(options, [](PalModel& model) { model.probe({.cut = {}, .order = [](const auto&, int64_t, int64_t n) { return std::vector<int64_t>(std::size_t(n)); }}); }, "the model is probed");
  options.lora = {{.layers = "llm.layers.*.self_attn.q_proj", .rank = 2, .alpha = 4, .dropout = 0.1}};
  refused(options, [](PalModel&) {}, "lora 'llm.layers.*.self_attn.q_proj' has a dropout of 0.1");
  auto model = model_of(options_of({kDetail}));
  EXPECT_THROW(TrainingGraphs(*model, {.round = 0}), UserError);
  EXPECT_THROW(TrainingGraphs(*model, {.round = 16, .keep = 0}), UserError);
}

TEST(TrainingGraphs, GradientsThatAreThereAlreadyAreNotLost) {
  auto model = model_of(options_of({kDetail}));
  TrainingGraphs graphs(*model, {.round = 16});
  graphs.loss_and_gradients(batch_of(kUneven));
  EXPECT_THROW(graphs.loss_and_gradients(batch_of(kUneven)), std::logic_error);
}

// Three batches of one bucket: the first runs, the second is recorded and started, the third is started.
TEST(TrainingGraphsOnCuda, AReplayedStepEqualsOneThatIsNotRecorded) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  for (const auto& streams : integrations()) {
    SCOPED_TRACE(fmt::format("{} {}", streams[0].name, streams.size()));
    auto model = model_of(options_of(streams, "flash", "bfloat16"), torch::kCUDA);
    TrainingGraphs graphs(*model, {.round = 64});
    for (uint64_t seed : {1, 2, 3, 4}) {
      SCOPED_TRACE(seed);
      const auto batch = batch_of({{6 + int64_t(seed), {{3, 12}}}, {4, {}}, {5, {{0, 6 - int64_t(seed)}, {4, 19}}}}, seed);
      const auto expected = as_it_is(*model, batch), not_recorded = filled_up(*model, batch, 64);
      const auto found = results(*model, graphs.loss_and_gradients(batch));
      EXPECT_LT(distance(found, expected), 5e-2);  // bfloat16 holds 8 bits
      EXPECT_LT(distance(found, not_recorded), 1e-2);  // the same kernels; sums by atomics have no order
    }
    EXPECT_EQ(graphs.counts().buckets, 1);
    EXPECT_EQ(graphs.counts().recorded, 1);
    EXPECT_EQ(graphs.counts().replayed, 3);
  }
}

// More buckets than graphs that are kept, in turns: all use the same memory, also where the only graph goes before the next one comes.
TEST(TrainingGraphsOnCuda, TheGraphThatWasNotUsedForLongestGoesAndIsRecordedAgain) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  auto model = model_of(options_of({kDetail, kSummary}, "flash", "bfloat16"), torch::kCUDA);
  for (int64_t keep : {1, 2}) {
    TrainingGraphs graphs(*model, {.round = 16, .keep = keep});
    for (uint64_t turn = 0; turn < 4; ++turn)
      for (int64_t text : {6, 40, 90}) {
        const auto batch = batch_of({{text, {{3, 12}}}, {3, {}}}, turn);
        const auto expected = as_it_is(*model, batch);
        EXPECT_LT(distance(results(*model, graphs.loss_and_gradients(batch)), expected), 5e-2);
      }
    EXPECT_EQ(graphs.counts().buckets, 3);
    EXPECT_EQ(graphs.counts().recorded, 9);  // three shapes in turns never find theirs among two
  }
}

TEST(TrainingGraphsOnCuda, AnotherAttentionThanFlashIsRefused) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  auto model = model_of(options_of({kDetail}, "sdpa", "bfloat16"), torch::kCUDA);
  EXPECT_THAT([&] { TrainingGraphs(*model, {.round = 16}); }, ThrowsMessage<UserError>(HasSubstr("need attention by 'flash', whose work depends on shapes alone, but this model's is 'sdpa'")));
}

}  // namespace
}  // namespace pal
