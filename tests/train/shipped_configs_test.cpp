// Every config that is shipped loads and fits together.
#include <gtest/gtest.h>

#include <set>

#include "pal/core/files.h"
#include "pal/train/run_config.h"

namespace pal {
namespace {

namespace fs = std::filesystem;
const fs::path kConfigs = fs::path(PAL_SOURCE_DIR) / "configs";

// Those that are whole; the files in parts/ and the bases are only inherited from.
std::vector<fs::path> whole_configs() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(kConfigs)) {
    const auto& path = entry.path();
    const bool is_part = path.string().find("/parts/") != std::string::npos || path.filename() == "base.yaml";
    if (path.extension() == ".yaml" && !is_part) found.push_back(path);
  }
  return found;
}

TEST(ShippedConfigs, AllLoadAndHaveStages) {
  const auto configs = whole_configs();
  EXPECT_GT(configs.size(), 130u);
  for (const auto& path : configs) {
    const auto config = load_run_config(path);
    EXPECT_FALSE(config.stages.empty()) << path;
    EXPECT_FALSE(config.model.streams.empty()) << path;
  }
}

TEST(ShippedConfigs, ThePapersRunsAreAllThere) {
  for (const std::string llm : {"llama-3.2-1b", "llama-3.2-3b", "qwen2.5-1.5b", "qwen2.5-7b"})
    for (const std::string run : {"plits-sslam", "plits-whisper", "plits-clap", "lal-sslam", "lal-whisper", "lal-clap", "pal-sslam", "pal-whisper",
                                  "pal-clap", "pal-multi-whisper+sslam", "pal-multi-whisper+clap"}) {
      const auto load = [&](const std::string& curriculum) { return load_run_config(kConfigs / "paper" / llm / (run + "-" + curriculum + ".yaml")); };
      const auto align = load("align"), full = load("full"), frozen = load("frozen-ffn");
      EXPECT_EQ(align.stages.size(), 1u);
      ASSERT_EQ(full.stages.size(), 2u);
      ASSERT_EQ(frozen.stages.size(), 2u);
      EXPECT_EQ(full.stages[0].trainable, std::vector<std::string>{"connectors.*"});
      EXPECT_EQ(full.stages[1].trainable, (std::vector<std::string>{"connectors.*", "llm.*"}));
      EXPECT_EQ(frozen.stages[1].trainable, (std::vector<std::string>{"connectors.*", "llm.layers.*.self_attn.*"}));
      // One curriculum: what is learned is all that differs.
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(full.stages[i].epochs, frozen.stages[i].epochs);
        EXPECT_EQ(full.stages[i].batch_size, frozen.stages[i].batch_size);
        EXPECT_EQ(full.stages[i].accumulate, frozen.stages[i].accumulate);
        EXPECT_EQ(full.stages[i].learning_rate, frozen.stages[i].learning_rate);
      }
      EXPECT_EQ(align.stages[0].epochs, full.stages[0].epochs);
      EXPECT_EQ(align.stages[0].learning_rate, full.stages[0].learning_rate);
    }
}

TEST(ShippedConfigs, EveryFigureThatThePaperDoesNotStateIsMarked) {
  const auto text = read_file(kConfigs / "paper/parts/curriculum/full.yaml");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    for (const char* key : {"epochs:", "batch_size:", "accumulate:", "learning_rate:"}) {
      if (line.find(key) == std::string::npos || line.find("batch_size: 256") != std::string::npos) continue;
      EXPECT_NE(line.find("assumed"), std::string::npos) << line;
    }
}

TEST(Stage, EpochsAreStepsOverTheManifest) {
  StageOptions stage;
  stage.batch_size = 8;
  stage.epochs = 2;
  EXPECT_EQ(steps_of(stage, 120), 30);
  EXPECT_EQ(steps_of(stage, 121), 31);
  stage.epochs = 0.01;
  EXPECT_EQ(steps_of(stage, 120), 1);
  stage.steps = 7;
  EXPECT_EQ(steps_of(stage, 120), 7);
}

}  // namespace
}  // namespace pal
