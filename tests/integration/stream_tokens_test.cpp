// PAL in which the summary is an encoder's own: CLS by PLITS, the patches by LAL.
#include <gtest/gtest.h>

#include "pal/integration/pal_model.h"
#include "support/tensor_compare.h"
#include "support/tiny_decoder.h"

namespace pal {
namespace {

constexpr int64_t kWidth = 48;  // of the encoder

ModelOptions cls_and_patches() {
  ModelOptions options;
  options.llm.random = tiny_options();
  options.encoders["sound"] = {.type = "eat", .path = PAL_SOURCE_DIR "/tests/golden/eat_tiny_model.safetensors"};
  options.encoders["sound"].heads = 4;
  const auto stream = [](const char* name, TokenKind tokens, Integration integration) {
    StreamOptions stream;
    stream.name = name;
    stream.encoder = "sound";
    stream.tokens = tokens;
    stream.integration = integration;
    stream.connector.type = "linear";
    return stream;
  };
  options.streams = {stream("detail", TokenKind::kPatches, Integration::kLal), stream("summary", TokenKind::kCls, Integration::kPlits)};
  options.dtype = "float64";
  return options;
}

// One sample of 6 text tokens and a clip after 2 of them.
PalBatch batch_of(const torch::Tensor& clip) {
  return {torch::arange(6), torch::tensor({false, false, false, true, true, true}), {6}, {{2}}, {{{clip}}}, {"a"}, {}};
}

TEST(StreamTokens, EveryStreamReadsItsOwnOfTheEncodersTokens) {
  PalModel model(cls_and_patches(), 1, torch::kCPU);
  torch::manual_seed(2);
  const auto batch = batch_of(torch::randn({9, kWidth}));
  const auto streams = model.connect(batch);
  EXPECT_EQ(streams[0].size(0), 8);
  EXPECT_EQ(streams[1].size(0), 1);
  EXPECT_EQ(model.layout(batch).rows(), 6 + 1);

  auto other_cls = batch, other_patch = batch;
  other_cls.clips[0][0][0] = batch.clips[0][0][0].clone();
  other_cls.clips[0][0][0][0] += 1;
  other_patch.clips[0][0][0] = batch.clips[0][0][0].clone();
  other_patch.clips[0][0][0][3] += 1;
  EXPECT_EQ(relative_distance(model.connect(other_cls)[0], streams[0]), 0.0);
  EXPECT_GT(relative_distance(model.connect(other_cls)[1], streams[1]), 0.01);
  EXPECT_GT(relative_distance(model.connect(other_patch)[0], streams[0]), 0.01);
  EXPECT_EQ(relative_distance(model.connect(other_patch)[1], streams[1]), 0.0);
}

TEST(StreamTokens, TheLossReachesBothConnectors) {
  PalModel model(cls_and_patches(), 1, torch::kCPU);
  torch::manual_seed(2);
  model.loss_sum(batch_of(torch::randn({9, kWidth}))).backward();
  for (const auto& parameter : model.named_parameters()) {
    if (!parameter.key().starts_with("connectors.")) continue;
    EXPECT_GT(parameter.value().grad().abs().max().item<double>(), 0.0) << parameter.key();
  }
}

}  // namespace
}  // namespace pal
