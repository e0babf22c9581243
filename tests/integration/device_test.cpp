// The whole model where it will run, against the naive backend in float64 on the CPU: loss, every gradient, answers. On a machine without
// CUDA its half is skipped, visibly.
#include <gtest/gtest.h>

#include "pal/integration/cached_decoding.h"
#include "pal/integration/logits_case.h"
#include "support/tensor_compare.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

struct Place {
  const char* name;
  c10::DeviceType device;
  const char* dtype;
  const char* backend;
  double tolerance;  // of the type: float32 1e-4 over many sums; bfloat16 holds 8 bits
};

void PrintTo(const Place& place, std::ostream* out) { *out << place.name; }

class Device : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    NEEDS_YAMNET();
    if (GetParam().device == torch::kCUDA && !torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  }
  torch::Device device() const { return GetParam().device; }
};

const std::vector<std::vector<StreamOptions>>& integrations() {
  static const std::vector<std::vector<StreamOptions>> all{{tiny_stream("detail", Integration::kPlits)},
                                                           {tiny_stream("detail", Integration::kLal, 1)},
                                                           {tiny_stream("detail", Integration::kLal, 1), tiny_summary()}};
  return all;
}

// A model here, and the float64 model on the CPU with the same weights (rounded to this type).
struct Pair {
  std::shared_ptr<PalModel> here, reference;
};
Pair pair_of(const std::vector<StreamOptions>& streams, const Place& place) {
  Pair pair{tiny_model(streams, place.dtype, place.device, place.backend), tiny_model(streams, "float64", torch::kCPU, "naive")};
  torch::NoGradGuard no_grad;
  for (const auto& item : pair.here->named_parameters()) pair.reference->named_parameters()[item.key()].copy_(item.value());
  return pair;
}

torch::Tensor all_gradients(PalModel& model, const PalBatch& batch) {
  model.zero_grad();
  model.loss_sum(batch).backward();
  std::vector<torch::Tensor> all;
  for (const auto& parameter : model.parameters())
    if (parameter.grad().defined()) all.push_back(parameter.grad().flatten().to(torch::kCPU, torch::kFloat64));
  return torch::cat(all);
}

TEST_P(Device, LossAndGradientsEqualTheReference) {
  const auto batch = tiny_training_batch();
  for (const auto& streams : integrations()) {
    const auto [here, reference] = pair_of(streams, GetParam());
    EXPECT_LT(relative_distance(here->loss_sum(batch), reference->loss_sum(batch)), GetParam().tolerance);
    EXPECT_LT(relative_distance(all_gradients(*here, batch), all_gradients(*reference, batch)), GetParam().tolerance);
  }
}

TEST_P(Device, TokensThatWereSentOrAreThereAlreadyChangeNoBit) {
  const auto place = GetParam();
  const auto model = tiny_model({tiny_stream("detail", Integration::kLal, 1), tiny_stream("again", Integration::kPlits)}, place.dtype, place.device, place.backend);
  const auto batch = tiny_training_batch();
  const auto expected = model->connect(batch);
  const auto expect_the_same = [&](const PalBatch& other) {
    const auto streams = model->connect(other);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(torch::equal(streams.at(i), expected[i])) << i;
  };
  auto sent = batch, there = batch;
  model->send(sent);
  EXPECT_EQ(sent.sent.size(), device().is_cpu() ? 0u : 2u);  // streams
  expect_the_same(sent);
  for (auto& clips : there.clips)
    for (auto& clip : clips)
      for (auto& tokens : clip) tokens = tokens.to(device());  // as a trained encoder gives them
  expect_the_same(there);
  model->send(there);
  expect_the_same(there);
}

TEST_P(Device, RecomputedLayersGiveTheSameGradients) {
  const auto batch = tiny_training_batch();
  auto options = tiny_pal(GetParam().dtype, device(), GetParam().backend)->options();
  const auto gradients = [&](const char* recompute) {
    options.checkpoint_activations = recompute;
    PalModel model(options, 3, device());
    return all_gradients(model, batch);
  };
  for (const char* policy : {"ffn", "all"}) EXPECT_LT(relative_distance(gradients(policy), gradients("none")), GetParam().tolerance) << policy;
}

TEST_P(Device, CachedStepsAndScoredAnswersEqualTheReference) {
  const auto [here, reference] = pair_of(integrations()[2], GetParam());
  const std::vector<std::vector<int64_t>> candidates{{7}, {8, 9}, {1, 2, 3}};
  const auto scores = [&](PalModel& model) { return score_continuations(model, run_prompt(model, tiny_prompts()), candidates); };
  EXPECT_LT(relative_distance(scores(*here), scores(*reference)), GetParam().tolerance);

  const auto last_logits = [&](PalModel& model) {
    CachedDecoder decoder(model, run_prompt(model, tiny_prompts()), 2);
    decoder.step(torch::tensor({3, 4, 5}, torch::kInt64));
    return decoder.step(torch::tensor({6, 7, 8}, torch::kInt64)).logits;
  };
  EXPECT_LT(relative_distance(last_logits(*here), last_logits(*reference)), GetParam().tolerance);
}

TEST_P(Device, GoldenCasesEqualTheirReference) {
  for (const std::string name : {"decoder_llama", "decoder_qwen2", "decoder_qwen3", "decoder_mistral"}) {
    const auto folder = std::filesystem::path(source_dir()) / "tests/golden" / name;
    const auto type = parse_float_type(GetParam().dtype);
    auto llm = load_decoder(folder / "llm", type, device());
    const auto found = run_logits_case(llm, load_safetensors(folder / "case.safetensors"),
                                       make_attention_backend(GetParam().backend, type, device()), name);
    // The recorded results are of weights that were not rounded to 8 bits.
    const double tolerance = type == torch::kBFloat16 ? 3 * GetParam().tolerance : GetParam().tolerance;
    for (const auto& [key, tensor] : load_safetensors(folder / "expected.safetensors"))
      EXPECT_LT(relative_distance(found.at(key), tensor), tolerance) << name << " " << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Device,
                         testing::Values(Place{"CpuFloat32", torch::kCPU, "float32", "sdpa", 1e-4},
                                         Place{"CpuBfloat16", torch::kCPU, "bfloat16", "sdpa", 5e-2},
                                         Place{"CudaFloat64", torch::kCUDA, "float64", "naive", 1e-5},
                                         Place{"CudaFloat32", torch::kCUDA, "float32", "sdpa", 1e-4},
                                         Place{"CudaBfloat16Sdpa", torch::kCUDA, "bfloat16", "sdpa", 5e-2},
                                         Place{"CudaBfloat16Flash", torch::kCUDA, "bfloat16", "flash", 5e-2}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace pal
