#include "pal/decoder/decoder_options.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "support/gguf_builder.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

Json llama() {
  return {{"model_type", "llama"}, {"vocab_size", 97}, {"hidden_size", 64}, {"intermediate_size", 112}, {"num_hidden_layers", 5},
          {"num_attention_heads", 4}, {"num_key_value_heads", 2}, {"max_position_embeddings", 4096}, {"rms_norm_eps", 1e-6}};
}

Json changed(const Json& change) {
  auto config = llama();
  config.update(change);
  return config;
}

DecoderOptions read(const Json& config) {
  const TemporaryFolder folder;
  write_bytes(folder / "config.json", config.dump());
  return decoder_options_from_json(folder / "config.json");
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(DecoderOptions, WhatIsNotComputedIsRefusedByName) {
  const std::pair<Json, std::vector<std::string>> cases[] = {
      {{{"model_type", "gemma2"}}, {"gemma2", "llama, mistral, qwen2 and qwen3"}},
      {{{"model_type", "mixtral"}}, {"mixtral"}},
      {{{"model_type", "qwen3_moe"}}, {"qwen3_moe"}},
      {{{"hidden_act", "gelu"}}, {"hidden_act", "gelu"}},
      {{{"attention_bias", true}}, {"attention_bias"}},
      {{{"mlp_bias", true}}, {"mlp_bias"}},
      {{{"partial_rotary_factor", 0.5}}, {"partial_rotary_factor"}},
      {{{"quantization_config", {{"quant_method", "gptq"}}}}, {"quantization_config"}},
      {{{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}, {"rope type 'linear'", "default and llama3"}},
      {{{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}}}, {"rope type 'yarn'"}},
      {{{"rope_parameters", {{"rope_type", "dynamic"}, {"factor", 4.0}}}}, {"rope type 'dynamic'"}},
      {{{"rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.25}}}}, {"partial_rotary_factor"}},
      {{{"num_key_value_heads", 3}}, {"4 query heads", "3 key/value heads"}},
      {{{"head_dim", 15}}, {"head_dim 15"}},
      {{{"num_hidden_layers", 0}}, {"num_hidden_layers"}},
      {{{"rms_norm_eps", 0.0}}, {"rms_norm_eps"}},
      {{{"vocab_size", "many"}}, {"vocab_size"}},
  };
  for (const auto& [change, words] : cases) {
    const auto message = refusal([&change = change] { read(changed(change)); });
    EXPECT_THAT(message, HasSubstr("config.json")) << change;
    for (const auto& word : words) EXPECT_THAT(message, HasSubstr(word)) << change;
  }
}

TEST(DecoderOptions, BothSpellingsOfRopeGiveTheSame) {
  const Json scaling = {{"factor", 32.0}, {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
  Json old_scaling = scaling, new_scaling = scaling;
  old_scaling["rope_type"] = new_scaling["rope_type"] = "llama3";
  new_scaling["rope_theta"] = 500000.0;
  const auto old_options = read(changed({{"rope_theta", 500000.0}, {"rope_scaling", old_scaling}}));
  const auto new_options = read(changed({{"rope_parameters", new_scaling}}));
  for (const auto& options : {old_options, new_options}) {
    EXPECT_EQ(options.rope.theta, 500000.0);
    ASSERT_TRUE(options.rope.llama3.has_value());
    EXPECT_EQ(options.rope.llama3->factor, 32.0);
    EXPECT_EQ(options.rope.llama3->low_freq_factor, 1.0);
    EXPECT_EQ(options.rope.llama3->high_freq_factor, 4.0);
    EXPECT_EQ(options.rope.llama3->original_max_position, 8192.0);
  }
}

TEST(DecoderOptions, FamiliesDifferInBiasesAndNorms) {
  EXPECT_FALSE(read(llama()).qkv_bias || read(llama()).qk_norm || read(llama()).tied_head);
  EXPECT_TRUE(read(changed({{"model_type", "qwen2"}})).qkv_bias);
  const auto qwen3 = read(changed({{"model_type", "qwen3"}, {"head_dim", 32}, {"tie_word_embeddings", true}}));
  EXPECT_TRUE(qwen3.qk_norm && !qwen3.qkv_bias && qwen3.tied_head);
  EXPECT_EQ(qwen3.head_dim, 32);
  EXPECT_EQ(read(llama()).head_dim, 16);
}

// What lies beyond the window would be seen here and not there.
TEST(DecoderOptions, ASlidingWindowThatIsUsedBoundsTheLength) {
  EXPECT_EQ(read(changed({{"model_type", "mistral"}, {"sliding_window", 512}})).max_positions, 512);
  EXPECT_EQ(read(changed({{"model_type", "mistral"}, {"sliding_window", nullptr}})).max_positions, 4096);
  EXPECT_EQ(read(changed({{"model_type", "qwen2"}, {"sliding_window", 512}, {"use_sliding_window", false}})).max_positions, 4096);
  EXPECT_EQ(read(changed({{"model_type", "qwen2"}, {"sliding_window", 512}, {"use_sliding_window", true}})).max_positions, 512);
}

GgufBuilder gguf(const std::string& architecture) {
  constexpr std::uint32_t kU32 = 4, kF32 = 6;
  GgufBuilder builder;
  builder.add_text("general.architecture", architecture);
  const std::pair<const char*, std::uint32_t> numbers[] = {{"embedding_length", 4}, {"feed_forward_length", 8}, {"block_count", 1},
                                                           {"attention.head_count", 2}, {"context_length", 128}};
  for (const auto& [name, value] : numbers) builder.add_number(architecture + "." + name, kU32, value);
  builder.add_number(architecture + ".attention.layer_norm_rms_epsilon", kF32, 1e-5f);
  builder.tensors.push_back({"token_embd.weight", {4, 3}, 0, 0});
  builder.data = std::string(48, '\0');
  return builder;
}

DecoderOptions read(const GgufBuilder& builder) {
  const TemporaryFolder folder;
  write_bytes(folder / "m.gguf", builder.bytes());
  return decoder_options_from_gguf(folder / "m.gguf");
}

TEST(DecoderOptions, GgufsThatAreNotComputedAreRefusedByName) {
  EXPECT_EQ(read(gguf("qwen3")).qk_norm, true);
  EXPECT_THAT(refusal([] { read(gguf("gemma2")); }), AllOf(HasSubstr("m.gguf"), HasSubstr("architecture 'gemma2'")));
  auto experts = gguf("llama");
  experts.add_number("llama.expert_count", 4, std::uint32_t{8});
  EXPECT_THAT(refusal([&] { read(experts); }), HasSubstr("llama.expert_count"));
  auto yarn = gguf("llama");
  yarn.add_text("llama.rope.scaling.type", "yarn");
  EXPECT_THAT(refusal([&] { read(yarn); }), HasSubstr("rope scaling 'yarn'"));
  auto partial = gguf("llama");
  partial.add_number("llama.rope.dimension_count", 4, std::uint32_t{1});
  EXPECT_THAT(refusal([&] { read(partial); }), HasSubstr("rope over 1 of 2"));
}

}  // namespace
}  // namespace pal
