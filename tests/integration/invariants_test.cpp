// What must hold whatever the weights are (design, "Invariants"): equal means 1e-12 in float64 and 1e-5 in float32.
#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "pal/integration/audio_decoder.h"
#include "support/tensor_compare.h"
#include "support/tiny_decoder.h"

namespace pal {
namespace {

struct Precision {
  const char* name;
  torch::ScalarType type;
  double equal;
};

class Invariant : public testing::TestWithParam<Precision> {
 protected:
  Decoder decoder(int64_t layers = 3) const { return tiny_decoder(layers, GetParam().type); }
  double equal() const { return GetParam().equal; }
};

INSTANTIATE_TEST_SUITE_P(In, Invariant, testing::Values(Precision{"Float64", torch::kFloat64, 1e-12}, Precision{"Float32", torch::kFloat32, 1e-5}),
                         [](const auto& info) { return std::string(info.param.name); });

StreamPlace plits() { return {Integration::kPlits, {}}; }
StreamPlace lal(std::vector<bool> layers) { return {Integration::kLal, std::move(layers)}; }

// A batch of samples over given streams, and what the decoder makes of it.
struct Batch {
  std::vector<StreamPlace> places;
  std::vector<SampleShape> samples;
  torch::Tensor tokens;                // [T]
  std::vector<torch::Tensor> streams;  // [A_s, D]
};

struct Output {
  torch::Tensor logits;  // [R, V]
  SequenceLayout layout;
  torch::Tensor text_logits() const { return logits.index_select(0, layout.text_rows); }
};

Output run(Decoder& llm, const Batch& batch, const std::string& backend = "sdpa", CheckpointPolicy checkpointing = CheckpointPolicy::kNone) {
  SequenceLayout layout(batch.places, batch.samples, torch::kCPU);
  const auto attention = make_attention_backend(backend, llm->dtype(), torch::kCPU);
  std::vector<torch::Tensor> streams;
  for (const auto& stream : batch.streams) streams.push_back(stream.to(llm->dtype()));
  const auto rows = assemble_rows(llm, batch.tokens, streams, layout);
  const auto hidden = run_layers(llm, rows, streams, layout, attention, checkpointing);
  return {llm->logits(hidden), std::move(layout)};
}

torch::Tensor tokens(int64_t n, uint64_t seed = 0) {
  torch::manual_seed(seed);
  return torch::randint(0, 53, {n}, torch::kInt64);
}
torch::Tensor audio(int64_t n, uint64_t seed = 1) {
  torch::manual_seed(seed);
  return torch::randn({n, 32}, torch::kFloat64);
}

// PAL: a LAL stream of 9 tokens read by layers 1 and 2 and a PLITS stream of 3 tokens, after 4 of 11 text tokens.
Batch pal_batch() {
  return {{lal({false, true, true}), plits()}, {{11, {{0, 4, 9}, {1, 4, 3}}}}, tokens(11), {audio(9), audio(3, 2)}};
}

TEST_P(Invariant, No1WithoutAudioLogitsAreTheBaseModels) {
  auto llm = decoder();
  const auto t = tokens(11);
  const auto base = run(llm, {{}, {{11, {}}}, t, {}}).logits;
  const std::vector<StreamPlace> streams{lal({true, true, true}), plits()};
  const std::vector<torch::Tensor> nothing{audio(0), audio(0)};
  EXPECT_LT(relative_distance(run(llm, {streams, {{11, {}}}, t, nothing}).logits, base), equal());
  // A clip of no length takes no position either.
  EXPECT_LT(relative_distance(run(llm, {streams, {{11, {{0, 4, 0}, {1, 4, 0}}}}, t, nothing}).logits, base), equal());
}

TEST_P(Invariant, No2InAOneLayerDecoderLalTextLogitsEqualPlits) {
  auto llm = decoder(1);
  const std::vector<SampleShape> samples{{11, {{0, 4, 9}}}};
  const auto by_lal = run(llm, {{lal({true})}, samples, tokens(11), {audio(9)}}).text_logits();
  const auto by_plits = run(llm, {{plits()}, samples, tokens(11), {audio(9)}}).text_logits();
  EXPECT_LT(relative_distance(by_lal, by_plits), equal());
}

TEST_P(Invariant, No2InADeeperDecoderTheyDiffer) {
  auto llm = decoder(2);
  const std::vector<SampleShape> samples{{11, {{0, 4, 9}}}};
  const auto by_lal = run(llm, {{lal({true, true})}, samples, tokens(11), {audio(9)}}).text_logits();
  const auto by_plits = run(llm, {{plits()}, samples, tokens(11), {audio(9)}}).text_logits();
  EXPECT_GT(relative_distance(by_lal, by_plits), 1e-3);
}

TEST_P(Invariant, No3AStreamOfNoTokensEqualsNoStream) {
  auto llm = decoder();
  const auto with_empty = run(llm, {{plits(), lal({true, true, true})}, {{11, {{0, 4, 5}, {1, 4, 0}}}}, tokens(11), {audio(5), audio(0)}});
  const auto without = run(llm, {{plits()}, {{11, {{0, 4, 5}}}}, tokens(11), {audio(5)}});
  EXPECT_LT(relative_distance(with_empty.logits, without.logits), equal());
}

TEST_P(Invariant, No4RowsBeforeTheAudioDoNotChangeWithIt) {
  auto llm = decoder();
  auto batch = pal_batch();
  const auto first = run(llm, batch).logits;
  batch.streams = {audio(9, 77), audio(3, 78)};
  const auto second = run(llm, batch).logits;
  EXPECT_TRUE(same_bits(first.slice(0, 0, 4), second.slice(0, 0, 4)));
  EXPECT_GT(relative_distance(second.slice(0, 7), first.slice(0, 7)), 1e-3);
}

TEST_P(Invariant, No5ASamplesLogitsDoNotDependOnWhatItIsPackedWith) {
  auto llm = decoder();
  const auto alone_batch = pal_batch();
  const auto alone = run(llm, alone_batch).logits;
  auto packed = alone_batch;
  packed.samples = {{5, {}}, alone_batch.samples[0], {7, {{1, 0, 2}, {0, 3, 6}}}};
  packed.tokens = torch::cat({tokens(5, 5), alone_batch.tokens, tokens(7, 6)});
  packed.streams = {torch::cat({alone_batch.streams[0], audio(6, 8)}), torch::cat({alone_batch.streams[1], audio(2, 9)})};
  const auto together = run(llm, packed);
  const auto rows = together.layout.sample_rows[1];
  EXPECT_LT(relative_distance(together.logits.slice(0, rows.begin, rows.end), alone), equal());
}

TEST_P(Invariant, No7BackendsGiveTheSameLogits) {
  auto llm = decoder();
  const auto batch = pal_batch();
  EXPECT_LT(relative_distance(run(llm, batch, "sdpa").logits, run(llm, batch, "naive").logits), equal());
}

TEST(InvariantInFloat64, No8ConnectorGradientsEqualFiniteDifferences) {
  auto llm = tiny_decoder();
  auto batch = pal_batch();
  for (auto& stream : batch.streams) stream.requires_grad_();
  const auto target = torch::arange(11) >= 6;
  const auto loss_of = [&](const Batch& b) {
    SequenceLayout layout(b.places, b.samples, torch::kCPU);
    const auto attention = make_attention_backend("sdpa", torch::kFloat64, torch::kCPU);
    const auto hidden = run_layers(llm, assemble_rows(llm, b.tokens, b.streams, layout), b.streams, layout, attention);
    return target_loss(llm, hidden, b.tokens, target, layout);
  };
  loss_of(batch).backward();
  for (std::size_t s = 0; s < 2; ++s) {
    torch::manual_seed(5);
    const auto direction = torch::randn_like(batch.streams[s]);
    const double step = 1e-5;
    const auto moved = [&](double t) {
      torch::NoGradGuard off;
      auto b = batch;
      b.streams[s] = batch.streams[s] + t * direction;
      return loss_of(b).item<double>();
    };
    const double slope = (batch.streams[s].grad() * direction).sum().item<double>();
    EXPECT_GT(std::abs(slope), 1e-3);  // stream 0 has no other way than keys and values
    EXPECT_NEAR((moved(step) - moved(-step)) / (2 * step) / slope, 1.0, 1e-6);
  }
}

TEST_P(Invariant, No8ActivationCheckpointingKeepsEveryGradient) {
  auto llm = decoder();
  for (auto& p : llm->embed_tokens->parameters()) p.set_requires_grad(false);
  const auto gradients = [&](CheckpointPolicy policy) {
    llm->zero_grad();
    auto batch = pal_batch();
    for (auto& stream : batch.streams) stream.requires_grad_();
    run(llm, batch, "sdpa", policy).logits.pow(2).sum().backward();
    std::vector<torch::Tensor> all{batch.streams[0].grad().flatten(), batch.streams[1].grad().flatten()};
    for (auto& p : llm->parameters())
      if (p.grad().defined()) all.push_back(p.grad().flatten());
    return torch::cat(all);
  };
  for (const auto policy : {CheckpointPolicy::kFeedForward, CheckpointPolicy::kAll}) EXPECT_LT(relative_distance(gradients(policy), gradients(CheckpointPolicy::kNone)), equal());
}

// Rows that nobody reads after the last layer are left out of it: what is read, all gradients, and the keys and values that generation keeps are the same.
TEST_P(Invariant, LeavingOutUnreadRowsOfTheLastLayerChangesNothingThatIsRead) {
  for (const int64_t layers : {1, 3}) {
    auto llm = decoder(layers);
    const auto run_for = [&](const torch::Tensor& read, bool leave_out, CheckpointPolicy policy) {
      llm->zero_grad();
      auto batch = pal_batch();
      batch.places[0].layers.resize(std::size_t(layers), true);
      for (auto& stream : batch.streams) stream = stream.to(llm->dtype()).requires_grad_();
      const SequenceLayout layout(batch.places, batch.samples, torch::kCPU);
      const auto attention = make_attention_backend("sdpa", llm->dtype(), torch::kCPU);
      const auto rows = assemble_rows(llm, batch.tokens, batch.streams, layout);
      const auto hidden = run_layers(llm, rows, batch.streams, layout, attention, policy, nullptr, leave_out ? read : torch::Tensor());
      const auto chosen = leave_out ? hidden : hidden.index_select(0, read);
      EXPECT_EQ(chosen.sizes(), (std::vector<int64_t>{read.numel(), 32}));
      std::vector<torch::Tensor> all{chosen.detach().flatten()};
      chosen.pow(3).sum().backward();
      for (const auto& stream : batch.streams) all.push_back(stream.grad().defined() ? stream.grad().flatten() : torch::zeros({stream.numel()}, stream.options()));
      for (const auto& parameter : llm->parameters()) all.push_back(parameter.grad().defined() ? parameter.grad().to_dense().flatten() : torch::zeros({parameter.numel()}, parameter.options()));
      return torch::cat(all).detach();
    };
    for (const auto& read : {torch::tensor({12, 3, 13}), torch::tensor({5}), torch::arange(14), torch::zeros({0}, torch::kInt64)})
      for (const auto policy : {CheckpointPolicy::kNone, CheckpointPolicy::kFeedForward, CheckpointPolicy::kAll}) {
        const auto whole = run_for(read, false, policy), less = run_for(read, true, policy);
        if (read.numel() > 0) {
          EXPECT_LT(relative_distance(less, whole), equal());
        }
        EXPECT_LE((less - whole).abs().max().item<double>(), equal() * (1 + whole.abs().max().item<double>()));
      }
  }
}

TEST_P(Invariant, LeavingOutUnreadRowsKeepsTheKeysAndValuesOfAllRows) {
  auto llm = decoder();
  const torch::NoGradGuard no_grad;
  auto batch = pal_batch();
  for (auto& stream : batch.streams) stream = stream.to(llm->dtype());
  const SequenceLayout layout(batch.places, batch.samples, torch::kCPU);
  const auto attention = make_attention_backend("sdpa", llm->dtype(), torch::kCPU);
  const auto rows = assemble_rows(llm, batch.tokens, batch.streams, layout);
  std::vector<KeyValues> of_all, of_less;
  const auto read = torch::tensor({13});
  const auto whole = run_layers(llm, rows, batch.streams, layout, attention, CheckpointPolicy::kNone, &of_all);
  const auto less = run_layers(llm, rows, batch.streams, layout, attention, CheckpointPolicy::kNone, &of_less, read);
  EXPECT_LT(relative_distance(less, whole.index_select(0, read)), equal());
  ASSERT_EQ(of_less.size(), of_all.size());
  for (std::size_t l = 0; l < of_all.size(); ++l) {
    EXPECT_TRUE(same_bits(of_less[l].keys, of_all[l].keys)) << l;
    EXPECT_TRUE(same_bits(of_less[l].values, of_all[l].values)) << l;
  }
}

TEST(InvariantOfIds, No10PositionIdsAreThePapers) {
  // Text 0..k with k = 3, audio k+1..k+Na with Na = 9, then 3 summary tokens, then the text from k + 12 + 1 on.
  const SequenceLayout layout({lal({true}), plits()}, {{6, {{0, 4, 9}, {1, 4, 3}}}}, torch::kCPU);
  const auto ids = [](std::vector<int64_t> v) { return torch::tensor(v, torch::kInt64); };
  EXPECT_TRUE(torch::equal(layout.stream_ids[0], ids({4, 5, 6, 7, 8, 9, 10, 11, 12})));
  EXPECT_TRUE(torch::equal(layout.stream_ids[1], ids({13, 14, 15})));
  EXPECT_TRUE(torch::equal(layout.row_ids, ids({0, 1, 2, 3, 13, 14, 15, 16, 17})));
  EXPECT_TRUE(torch::equal(layout.text_rows, ids({0, 1, 2, 3, 7, 8})));
}

TEST(LalAttention, AudioNeverFormsQueries) {
  const SequenceLayout layout({lal({true})}, {{6, {{0, 4, 900}}}}, torch::kCPU);
  EXPECT_EQ(layout.rows(), 6);
  EXPECT_EQ(layout.plan({0})->max_rows, 4);
  EXPECT_EQ(layout.plan({0})->keys, 906);
}

TEST(LalAttention, LayersThatAreNotSelectedDoNotReadTheAudio) {
  const SequenceLayout layout({lal({false, false, true})}, {{11, {{0, 4, 9}}}}, torch::kCPU);
  EXPECT_TRUE(layout.streams_read(0).empty());
  EXPECT_EQ(layout.streams_read(2), std::vector<int64_t>{0});
  EXPECT_EQ(layout.plan(layout.streams_read(0))->keys, 11);
  EXPECT_EQ(layout.plan(layout.streams_read(2))->keys, 20);
}

TEST(AudioDecoder, AnEncoderWithoutConnectorIsRefused) {
  auto llm = tiny_decoder();
  const Batch batch{{lal({true, true, true})}, {{11, {{0, 4, 9}}}}, tokens(11), {torch::zeros({9, 1024}, torch::kFloat64)}};
  try {
    run(llm, batch);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("does the stream have a connector?"), std::string::npos);
  }
}

}  // namespace
}  // namespace pal
