#include "pal/bench/generation_bench.h"

#include <gtest/gtest.h>

#include "../../src/nn/row_product.h"
#include "pal/bench/flop_counter.h"
#include "pal/integration/cached_decoding.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

// What a step may cost on any machine, as StepCost of training: on a GPU almost every operator is a kernel, which answers at batch 1 mostly wait for.
TEST(TokenCost, OperatorsOfADecodingStepAreNotMoreThanRecorded) {
  NEEDS_YAMNET();
  const auto operators_of = [](int64_t layers) {
    auto options = tiny_pal("float32")->options();
    options.llm.random->layers = layers;
    PalModel model(options, 3, torch::kCPU);
    torch::NoGradGuard no_grad;
    CachedDecoder decoder(model, run_prompt(model, tiny_prompts()), 3);  // the last step leaves some out
    const auto tokens = decoder.step(torch::tensor({30, 35, 40}, torch::kInt64)).best;
    const FlopCounter counter;
    decoder.step(tokens);
    return counter.operators();
  };
  set_cpu_products(CpuProducts::kTorch);  // on every processor the same operators
  const int64_t of_three = operators_of(3), of_four = operators_of(4);
  set_cpu_products(CpuProducts::kByProcessor);
  EXPECT_LE(of_four - of_three, 192);  // of a layer
  EXPECT_LE(of_three, 641);
}

// Of LAL, whose prompt has few rows: no activation is nearly as large as the cache.
TEST(GenerationCost, KeysAndValuesAreHeldOnce) {
  NEEDS_YAMNET();
  auto options = tiny_model({tiny_stream("detail", Integration::kLal)}, "float32")->options();
  options.llm.random->layers = 40;  // beside them the encoder's tokens are little
  const auto cost = generation_cost(options, {.samples = 4, .text_tokens = 10, .audio_tokens = 600}, 4, 1, torch::kCPU);
  EXPECT_GT(cost.beyond_bytes, cost.cache_bytes);
  EXPECT_LT(cost.beyond_bytes, cost.cache_bytes * 3 / 2);
}

}  // namespace
}  // namespace pal
