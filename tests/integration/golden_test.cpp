// Against tests/golden/decoder_*: transformers' own modules put together by an independent statement of PLITS, LAL and PAL.
#include <gtest/gtest.h>

#include "pal/decoder/load_decoder.h"
#include "pal/integration/logits_case.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

struct GoldenCase {
  const char* name;
  double float64;  // llama3: the reference's rotary tables are float32, and its positions reach 1,800
};

class GoldenDecoder : public testing::TestWithParam<std::tuple<GoldenCase, const char*>> {};

void compare(const TensorMap& found, const TensorMap& expected, double tolerance) {
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.contains(name)) << name;
    if (tensor.scalar_type() == torch::kInt64)
      EXPECT_TRUE(torch::equal(found.at(name), tensor)) << name;
    else
      EXPECT_LT(relative_distance(found.at(name), tensor), tolerance) << name;
  }
  EXPECT_EQ(found.size(), expected.size());
}

TEST_P(GoldenDecoder, LogitsLossPositionsAndGradientsEqualTheReference) {
  const auto& [golden, backend] = GetParam();
  const auto folder = std::filesystem::path(PAL_SOURCE_DIR) / "tests/golden" / golden.name;
  const auto the_case = load_safetensors(folder / "case.safetensors");
  const auto expected = load_safetensors(folder / "expected.safetensors");
  for (const auto& [type, tolerance] : {std::pair{torch::kFloat64, golden.float64}, std::pair{torch::kFloat32, 1e-4}}) {
    auto llm = load_decoder(folder / "llm", type);
    const auto attention = make_attention_backend(backend, type, torch::kCPU);
    compare(run_logits_case(llm, the_case, attention, golden.name), expected, tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenDecoder,
                         testing::Combine(testing::Values(GoldenCase{"decoder_llama", 1e-5}, GoldenCase{"decoder_llama3", 1e-4},
                                                          GoldenCase{"decoder_llama_no_audio", 1e-5},
                                                          GoldenCase{"decoder_mistral", 1e-5},
                                                          GoldenCase{"decoder_qwen2", 1e-5}, GoldenCase{"decoder_qwen3", 1e-5}),
                                          testing::Values("naive", "sdpa")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param);
                         });

TEST(GoldenSmollm2, TheRealGgufGivesTheReferencesLogits) {
  const auto gguf = std::filesystem::path(PAL_SOURCE_DIR) / "assets/smollm2-135m-instruct.gguf";
  if (!std::filesystem::exists(gguf)) GTEST_SKIP() << gguf << " is not there; tools/setup.sh fetches it";
  const auto folder = std::filesystem::path(PAL_SOURCE_DIR) / "tests/golden/smollm2";
  const auto expected = load_safetensors(folder / "expected.safetensors");
  auto llm = load_decoder(gguf);
  const auto attention = make_attention_backend("auto", torch::kFloat32, torch::kCPU);
  auto found = run_logits_case(llm, load_safetensors(folder / "case.safetensors"), attention, "smollm2");
  EXPECT_TRUE(torch::equal(found.at("logits").argmax(-1), expected.at("argmax")));
  EXPECT_LT(relative_distance(found.at("logits").index_select(1, expected.at("vocab_columns")), expected.at("logits_columns")), 1e-4);
  EXPECT_LT(relative_distance(found.at("loss"), expected.at("loss")), 1e-4);
  // The recorded gradients are float32 and themselves 1.5e-4 from a float64 run through 30 layers.
  for (const char* name : {"grad.stream.0", "grad.stream.1"})
    EXPECT_LT(relative_distance(found.at(name), expected.at(name)), 5e-4) << name;
  for (const char* name : {"row_ids", "ids.stream.0", "ids.stream.1"}) EXPECT_TRUE(torch::equal(found.at(name), expected.at(name)));
}

}  // namespace
}  // namespace pal
