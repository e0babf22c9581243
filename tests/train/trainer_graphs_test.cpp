// What a run in buckets of shapes writes, and what it refuses: whole small runs, on files that are made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "../audio/recording.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"
#include "pal/train/trainer.h"
#include "support/ranks.h"
#include "support/source_dir.h"

namespace pal {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::ThrowsMessage;

class TrainerGraphs : public testing::Test {
 protected:
  // An LLM's folder of which only the tokenizer is used, three recordings of uneven lengths, and a config that trains on them for 4 steps of 2.
  void SetUp() override {
    std::filesystem::create_directory(folder_ / "llm");
    std::filesystem::copy_file(source_dir() + "/tests/golden/tokenizer_smollm2.json", folder_ / "llm/tokenizer.json");
    std::string manifest;
    for (int i = 0; i < 3; ++i) {
      const auto name = std::to_string(i) + ".wav";
      write_recording(folder_ / name, tone(16000, 0.4 + 0.3 * i), 16000);
      manifest += Json{{"id", name}, {"audio", name}, {"label", i == 0 ? "a dog" : "rain"}}.dump() + "\n";
    }
    write_file_atomically(folder_ / "train.jsonl", manifest);
  }

  RunConfig config(const std::vector<std::string>& sets = {}) const {
    const std::string yaml = R"(
model:
  llm: {path: LLM, random: {vocab_size: 704, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8, max_position_embeddings: 512}}
  encoders: {sound: {type: eat, path: EAT, heads: 4}}
  streams:
    - {name: detail, encoder: sound, integration: lal, layers: all}
    - {name: summary, encoder: sound, connector: {type: mean_pool, factor: 3}, integration: plits}
data: {train: TRAIN, prompt: {template: "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"}}
train: {tensorboard: false, attention_every: 0}
stages:
  - {name: all, trainable: ["connectors.*", "llm.*"], steps: 4, batch_size: 2}
eval: {protocol: generate}
)";
    std::vector<std::string> all{"model.llm.path=" + (folder_ / "llm").string(), "data.train=" + (folder_ / "train.jsonl").string(),
                                 "model.encoders.sound.path=" + source_dir() + "/tests/golden/eat_tiny_model.safetensors"};
    all.insert(all.end(), sets.begin(), sets.end());
    return parse_run_config(yaml, "test", all);
  }

  std::vector<Json> log_of(const std::string& name, const std::vector<std::string>& sets) const {
    TrainerOptions options;
    options.output = folder_ / name;
    EXPECT_EQ(train(config(sets), options, torch::kCPU), TrainingEnd::kFinished);
    std::vector<Json> lines;
    std::istringstream text(read_file(options.output / "log.jsonl"));
    for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  TemporaryFolder folder_;
};

TEST_F(TrainerGraphs, ARunInBucketsLearnsTheSameAndLogsItsPadding) {
  const auto plain = log_of("plain", {}), filled = log_of("filled", {"train.graphs.round=32"}), parts = log_of("parts", {"train.graphs.round=32", "stages.all.accumulate=2"});
  ASSERT_EQ(plain.size(), 4u);
  ASSERT_EQ(filled.size(), 4u);
  ASSERT_EQ(parts.size(), 4u);
  std::vector<double> one_dummy, two_dummies;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_FALSE(plain[i].contains("padding_share"));
    for (const auto* line : {&filled[i], &parts[i]}) {
      EXPECT_GT(line->at("padding_share").get<double>(), 0);
      EXPECT_LT(line->at("padding_share").get<double>(), 1);
      EXPECT_NEAR(line->at("loss").get<double>(), plain[i].at("loss").get<double>(), 1e-4);  // float32 over four steps
      EXPECT_NEAR(line->at("gradient_norm").get<double>(), plain[i].at("gradient_norm").get<double>(), 1e-3 * plain[i].at("gradient_norm").get<double>());
      EXPECT_EQ(line->at("target_tokens"), plain[i].at("target_tokens"));
    }
    one_dummy.push_back(filled[i].at("padding_share").get<double>());
    two_dummies.push_back(parts[i].at("padding_share").get<double>());
  }
  EXPECT_NE(two_dummies, one_dummy);  // each part has one of its own
}

TEST_F(TrainerGraphs, ABucketThatCannotBeIsRefusedAtTheStart) {
  TrainerOptions options;
  options.output = folder_ / "run";
  const auto run = [&](const std::vector<std::string>& sets) { return [=, this] { train(config(sets), options, torch::kCPU); }; };
  EXPECT_THAT(run({"train.graphs.round=32", "model.lora=[{layers: llm.layers.*.self_attn.q_proj, dropout: 0.1}]"}), ThrowsMessage<UserError>(HasSubstr("has a dropout of 0.1")));
  EXPECT_THAT(run({"train.graphs.round=-1"}), ThrowsMessage<UserError>(HasSubstr("train.graphs.round")));
  EXPECT_THAT(run({"train.graphs.keep=0"}), ThrowsMessage<UserError>(HasSubstr("train.graphs.keep")));
  EXPECT_FALSE(std::filesystem::exists(options.output));
}

TEST_F(TrainerGraphs, SeveralProcessesAreRefused) {
  TrainerOptions options;
  options.output = folder_ / "run";
  const auto wanted = config({"train.graphs.round=32"});
  EXPECT_THAT([&] { run_ranks(2, [&](ProcessGroup& group) { train(wanted, options, torch::kCPU, group); }); },
              ThrowsMessage<UserError>(HasSubstr("a graph does not exchange gradients, but there are 2 processes")));
}

}  // namespace
}  // namespace pal
