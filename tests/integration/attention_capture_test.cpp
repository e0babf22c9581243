// What the report shows as "where a word looked" must be the attention that the model computed.
#include "pal/integration/attention_capture.h"

#include <gtest/gtest.h>

#include "pal/nn/attention_weights.h"
#include "support/tensor_compare.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

PalBatch one_sample() {
  torch::manual_seed(4);
  PalBatch batch;
  batch.tokens = torch::randint(0, 53, {9}, torch::kInt64);
  batch.target = torch::zeros({9}, torch::kBool);
  batch.text_tokens = {9};
  batch.audio_at = {{3}};
  batch.clips = {{EncodedClip{torch::randn({12, 1024})}}};
  batch.ids = {"one"};
  return batch;
}

TEST(AttentionWeights, SumTo1AndMakeEachLayersOutput) {
  NEEDS_YAMNET();
  torch::NoGradGuard no_grad;
  auto model = tiny_pal();
  const auto batch = one_sample();
  const auto layout = model->layout(batch);
  const auto streams = model->connect(batch);
  auto rows = assemble_rows(model->llm(), batch.tokens, streams, layout);
  const auto rope = model->llm()->rope(layout.row_ids);
  const HeardAudio detail{unit_rms(streams[0], model->llm()->options.norm_eps), model->llm()->rope(layout.stream_ids[0])};
  const auto sdpa = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU);  // computes no weights of its own
  for (std::size_t l = 0; l < 3; ++l) {
    auto& layer = *model->llm()->layers[l];
    const auto plan = layout.plan(layout.streams_read(int64_t(l)));
    const auto normed = layer.input_layernorm(rows);
    const auto audio = l > 0 ? detail : HeardAudio();
    const auto all = joint_keys_values(layer, normed, rope, audio);
    const auto queries = layer.self_attn->queries(normed, rope);
    const double scale = 1 / std::sqrt(8.0);
    const auto weights = attention_weights(queries, all.keys, *plan, scale, torch::arange(layout.rows()));
    EXPECT_LT((weights.sum(-1) - 1).abs().max().item<double>(), 1e-12);
    const auto mixed = torch::einsum("hrk,khd->rhd", {weights, all.values.repeat_interleave(2, 1)});
    EXPECT_LT(relative_distance(layer.self_attn->o_proj(mixed.flatten(1)), layer.self_attn->attend(queries, all, *plan, *sdpa)), 1e-12);
    const auto [sum, update] = layer.feed_forward(rows, lal_attention(layer, normed, rope, audio, *plan, *sdpa));
    rows = sum + update;
  }
}

TEST(AttentionWeights, AudioKeysAndValuesAreThoseOfTheLayersOwnNorm) {
  NEEDS_YAMNET();
  torch::NoGradGuard no_grad;
  auto model = tiny_pal();
  const auto layout = model->layout(one_sample());
  const auto tokens = model->connect(one_sample())[0];
  const HeardAudio audio{unit_rms(tokens, model->llm()->options.norm_eps), model->llm()->rope(layout.stream_ids[0])};
  auto& layer = *model->llm()->layers[1];
  layer.input_layernorm->weight.uniform_(0.5, 2.0);
  const auto folded = layer.self_attn->keys_values(audio, layer.input_layernorm->weight), plain = layer.self_attn->keys_values(layer.input_layernorm(tokens), audio.rope);
  EXPECT_LT(relative_distance(folded.keys, plain.keys), 1e-13);
  EXPECT_LT(relative_distance(folded.values, plain.values), 1e-13);
}

TEST(AttentionCapture, GivesTheWeightsOfEveryLayerThatReadsAStream) {
  NEEDS_YAMNET();
  auto model = tiny_pal();  // detail: LAL from layer 1 on, 12 tokens; summary: PLITS, 2 tokens
  const auto layout = model->layout(one_sample());
  const auto rows = layout.text_rows.slice(0, 5, 9);
  const auto captured = capture_attention(*model, one_sample(), rows);
  std::vector<std::vector<int64_t>> found;
  for (const auto& one : captured) found.push_back({one.layer, one.stream, one.weights.size(0), one.weights.size(1), one.weights.size(2)});
  EXPECT_EQ(found, (std::vector<std::vector<int64_t>>{{0, 1, 4, 4, 2}, {1, 1, 4, 4, 2}, {1, 0, 4, 4, 12}, {2, 1, 4, 4, 2}, {2, 0, 4, 4, 12}}));
}

// A layer's attention computed here from its definition, without plan or backend.
TEST(AttentionCapture, EqualsTheSoftmaxOverTextSummaryAndAudio) {
  NEEDS_YAMNET();
  torch::NoGradGuard no_grad;
  auto model = tiny_pal();
  const auto batch = one_sample();
  const auto layout = model->layout(batch);
  std::vector<KeyValues> kept;
  const auto streams = model->connect(batch);
  auto rows = assemble_rows(model->llm(), batch.tokens, streams, layout);
  const auto sdpa = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU);
  run_layers(model->llm(), rows, streams, layout, sdpa, {}, &kept);
  auto& first = *model->llm()->layers[0];  // reads no LAL stream: its output is that of plain self-attention
  const auto rope = model->llm()->rope(layout.row_ids);
  const auto [sum, update] = first.feed_forward(rows, lal_attention(first, first.input_layernorm(rows), rope, {}, *layout.plan({}), *sdpa));
  rows = sum + update;
  auto& layer = *model->llm()->layers[1];
  const int64_t row = layout.text_rows[7].item<int64_t>();
  const auto query = layer.self_attn->queries(layer.input_layernorm(rows), rope)[row];  // [H, d]
  const auto ids = torch::cat({layout.row_ids, layout.stream_ids[0]});
  const auto seen = (ids <= layout.row_ids[row]).nonzero().squeeze(1);
  const auto keys = kept[1].keys.index_select(0, seen).repeat_interleave(2, 1);  // [k, H, d]
  const auto expected = torch::einsum("hd,khd->hk", {query / std::sqrt(8.0), keys}).softmax(-1);
  const auto captured = capture_attention(*model, batch, layout.text_rows.slice(0, 7, 8));
  EXPECT_LT(relative_distance(captured[2].weights.select(1, 0), expected.slice(1, expected.size(1) - 12)), 1e-12);
  EXPECT_LT(relative_distance(captured[1].weights.select(1, 0), expected.slice(1, 3 , 5)), 1e-12);
}

TEST(AttentionCapture, RowsBeforeTheAudioDoNotSeeIt) {
  NEEDS_YAMNET();
  auto model = tiny_pal();
  for (const auto& one : capture_attention(*model, one_sample(), torch::arange(3)))
    EXPECT_EQ(one.weights.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace pal
